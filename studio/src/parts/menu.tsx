/** @file A button that opens a list of actions: arrows move, letters jump, Escape closes. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Button, IconButton } from './button.tsx';
import { Icon, type IconName } from './icon.tsx';
import { Popover } from './popover.tsx';

export interface MenuItem {
  readonly label: string;
  readonly icon?: IconName | undefined;
  readonly onSelect: () => void;
  readonly isDanger?: boolean | undefined;
  readonly isDisabled?: boolean | undefined;
}

export function Menu({
  label,
  items,
  icon = 'more',
  hasText,
  size = 'usual',
}: {
  readonly label: string;
  readonly items: readonly MenuItem[];
  readonly icon?: IconName;
  /** Shows the label as text. */
  readonly hasText?: boolean;
  readonly size?: 'usual' | 'small';
}) {
  const [isOpen, setOpen] = useState(false);
  const anchor = useRef<HTMLButtonElement>(null);
  const close = useCallback(() => setOpen(false), []);
  const shared = {
    buttonRef: anchor,
    'aria-haspopup': 'menu',
    'aria-expanded': isOpen,
    onClick: () => setOpen(!isOpen),
  } as const;
  return (
    <>
      {hasText ? (
        <Button icon={icon} {...shared} size={size}>
          {label}
        </Button>
      ) : (
        <IconButton icon={icon} label={label} {...shared} size={size} />
      )}
      {isOpen && (
        <Popover anchor={anchor} onClose={close} label={label} role="presentation" align="end">
          <MenuList
            label={label}
            items={items}
            onDone={() => {
              close();
              anchor.current?.focus();
            }}
          />
        </Popover>
      )}
    </>
  );
}

function MenuList({
  label,
  items,
  onDone,
}: {
  readonly label: string;
  readonly items: readonly MenuItem[];
  readonly onDone: () => void;
}) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => buttonsIn(ref.current)[0]?.focus(), []);
  return (
    <div
      ref={ref}
      class="menu"
      role="menu"
      aria-label={label}
      tabIndex={-1}
      onKeyDown={event => moveFocus(event, ref.current, onDone)}
    >
      {items.map(item => (
        <button
          key={item.label}
          type="button"
          role="menuitem"
          class={`menu-item ${item.isDanger ? 'danger' : ''}`}
          disabled={item.isDisabled ?? false}
          tabIndex={-1}
          onClick={() => {
            onDone();
            item.onSelect();
          }}
        >
          {item.icon && <Icon name={item.icon} size={18} />}
          {item.label}
        </button>
      ))}
    </div>
  );
}

const buttonsIn = (box: HTMLElement | null): HTMLButtonElement[] => [
  ...(box?.querySelectorAll<HTMLButtonElement>('button:not(:disabled)') ?? []),
];

function moveFocus(event: KeyboardEvent, box: HTMLElement | null, onDone: () => void): void {
  const buttons = buttonsIn(box);
  const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
  const last = buttons.length - 1;
  const next: Partial<Record<string, number>> = {
    ArrowDown: at === last ? 0 : at + 1,
    ArrowUp: at <= 0 ? last : at - 1,
    Home: 0,
    End: last,
  };
  const to = next[event.key] ?? buttons.findIndex(({ textContent }) => isLetterOf(event, textContent));
  if (event.key === 'Tab') onDone();
  if (event.key === 'Tab' || to < 0) return;
  event.preventDefault();
  buttons[to]?.focus();
}

const isLetterOf = ({ key }: KeyboardEvent, text: string | null): boolean =>
  key.length === 1 && key !== ' ' && (text ?? '').toLowerCase().startsWith(key.toLowerCase());
