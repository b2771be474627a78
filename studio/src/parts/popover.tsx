/** @file Something that opens beside a button and closes by itself: on phones a sheet from below. */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

export interface PopoverProps {
  readonly anchor: { readonly current: HTMLElement | null };
  readonly onClose: () => void;
  readonly label: string;
  readonly children: ComponentChildren;
  readonly width?: number | undefined;
  /** `dialog` unless said; a menu brings its own role. */
  readonly role?: 'dialog' | 'presentation' | undefined;
  readonly align?: 'start' | 'end' | undefined;
}

/** Is open as long as it is rendered. Escape and a press outside close it; focus goes back to its button. */
export function Popover({
  anchor,
  onClose,
  label,
  children,
  width,
  role = 'dialog',
  align = 'start',
}: PopoverProps) {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const box = ref.current;
    box?.showPopover?.();
    const place = (): void => placeBeside(box, anchor.current, align);
    place();
    window.addEventListener('resize', place);
    window.addEventListener('scroll', place, true);
    return () => {
      window.removeEventListener('resize', place);
      window.removeEventListener('scroll', place, true);
    };
  }, [anchor, align]);
  useEffect(() => {
    const press = (event: PointerEvent): void => {
      const target = event.target as Node;
      if (!ref.current?.contains(target) && !anchor.current?.contains(target)) onClose();
    };
    document.addEventListener('pointerdown', press);
    return () => document.removeEventListener('pointerdown', press);
  }, [anchor, onClose]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: its role is given; only Escape is heard here
    <div
      ref={ref}
      class="popover"
      popover="manual"
      role={role}
      {...(role === 'dialog' ? { 'aria-label': label } : {})}
      style={width ? { '--width': `${width}px` } : {}}
      onKeyDown={event => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        event.preventDefault();
        onClose();
        anchor.current?.focus();
      }}
    >
      {children}
    </div>
  );
}

function placeBeside(box: HTMLElement | null, anchor: HTMLElement | null, align: 'start' | 'end'): void {
  if (!box || !anchor) return;
  if (window.innerWidth < 720) {
    box.style.left = box.style.top = '';
    return;
  }
  const from = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = box;
  const below = from.bottom + 6;
  const fitsBelow = below + height <= window.innerHeight - 8;
  const top = fitsBelow
    ? below
    : Math.max(8, Math.min(from.top - height - 6, window.innerHeight - height - 8));
  const left = align === 'end' ? from.right - width : from.left;
  box.style.left = `${Math.max(8, Math.min(left, window.innerWidth - width - 8))}px`;
  box.style.top = `${top}px`;
}
