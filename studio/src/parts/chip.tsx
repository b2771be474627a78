/** @file A small thing with a name: a tag, a trigger word, a filter. */
import type { ComponentChildren } from 'preact';
import { Icon } from './icon.tsx';

export function Chip({
  children,
  label,
  tone = 'plain',
  isOn,
  onPress,
  onRemove,
}: {
  readonly children: ComponentChildren;
  /** What is read for its buttons, where `children` is no plain text. */
  readonly label?: string | undefined;
  readonly tone?: 'plain' | 'accent' | 'warning' | 'danger' | undefined;
  /** Makes it a switch. */
  readonly isOn?: boolean | undefined;
  readonly onPress?: (() => void) | undefined;
  readonly onRemove?: (() => void) | undefined;
}) {
  const name = label ?? (typeof children === 'string' ? children : '');
  return (
    <span class={`chip ${tone} ${isOn ? 'on' : ''}`}>
      {onPress ? (
        <button
          type="button"
          class="chip-press"
          onClick={onPress}
          {...(isOn === undefined ? {} : { 'aria-pressed': isOn })}
        >
          {children}
        </button>
      ) : (
        <span class="chip-text">{children}</span>
      )}
      {onRemove && (
        <button
          type="button"
          class="chip-remove"
          aria-label={`Remove ${name}`}
          title="Remove"
          onClick={onRemove}
        >
          <Icon name="close" size={13} />
        </button>
      )}
    </span>
  );
}
