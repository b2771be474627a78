/** @file Something that opens beside a button and closes by itself: on phones a sheet from below. */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { route } from '../shell/router.ts';
import { placeFor } from './popover-place.ts';

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

/** The last one is on top of the others: Escape is for it. */
const open: HTMLElement[] = [];

/**
 * Is open as long as it is rendered. Escape, a press outside and another page close it; after Escape focus goes back to its
 * button.
 */
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
    // What it shows may come later: a list that is still being read.
    const sizes = new ResizeObserver(place);
    if (box) sizes.observe(box);
    for (const inside of box?.children ?? []) sizes.observe(inside);
    return () => {
      sizes.disconnect();
      window.removeEventListener('resize', place);
      window.removeEventListener('scroll', place, true);
    };
  }, [anchor, align]);
  useLayoutEffect(() => {
    if (role === 'dialog') focusIn(ref.current);
  }, [role]);
  useEffect(() => {
    const box = ref.current;
    if (!box) return;
    open.push(box);
    const press = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || open.at(-1) !== box || isUnderDialog(box)) return;
      event.stopPropagation();
      event.preventDefault();
      onClose();
      anchor.current?.focus();
    };
    const from = whereOf(route.peek());
    const endRoute = route.subscribe(to => whereOf(to) !== from && onClose());
    document.addEventListener('keydown', press, true);
    return () => {
      open.splice(open.indexOf(box), 1);
      endRoute();
      document.removeEventListener('keydown', press, true);
    };
  }, [anchor, onClose]);
  useEffect(() => {
    const press = (event: PointerEvent): void => {
      const target = event.target as Node;
      if (!ref.current?.contains(target) && !anchor.current?.contains(target)) onClose();
    };
    document.addEventListener('pointerdown', press);
    return () => document.removeEventListener('pointerdown', press);
  }, [anchor, onClose]);
  return (
    <div
      ref={ref}
      class="popover"
      popover="manual"
      role={role}
      tabIndex={-1}
      {...(role === 'dialog' ? { 'aria-label': label } : {})}
      style={width ? { '--width': `${width}px` } : {}}
    >
      {children}
    </div>
  );
}

const whereOf = ({ page, rest }: typeof route.value): string => [page, ...rest].join('/');

/** A dialog that was opened from it hears Escape first. */
const isUnderDialog = (box: HTMLElement): boolean =>
  [...document.querySelectorAll('dialog[open]')].some(dialog => !dialog.contains(box));

/** Focus moves into it, unless something in it asked for it (`autoFocus`). */
function focusIn(box: HTMLElement | null): void {
  if (!box || box.contains(document.activeElement)) return;
  const wanted = box.querySelector<HTMLElement>('[autofocus]') ?? box.querySelector<HTMLElement>(takesFocus);
  (wanted ?? box).focus({ preventScroll: true });
}

const takesFocus = 'input, select, textarea, button:not(:disabled), a[href], [tabindex="0"]';

function placeBeside(box: HTMLElement | null, anchor: HTMLElement | null, align: 'start' | 'end'): void {
  if (!box || !anchor) return;
  box.style.maxHeight = '';
  if (window.innerWidth < 720) {
    box.style.left = box.style.top = '';
    return;
  }
  const kept = box.scrollTop;
  const { offsetWidth: width, offsetHeight: height } = box;
  const screen = { width: window.innerWidth, height: window.innerHeight };
  const { left, top, maxHeight } = placeFor(anchor.getBoundingClientRect(), { width, height }, screen, align);
  box.style.left = `${left}px`;
  box.style.top = `${top}px`;
  box.style.maxHeight = `${maxHeight}px`;
  box.scrollTop = kept;
}
