/** @file Buttons: with a word, or with an icon whose word is read aloud and shown as a tip. */
import type { ComponentChildren, JSX, Ref } from 'preact';
import { Icon, type IconName } from './icon.tsx';

type Native = Omit<JSX.IntrinsicElements['button'], 'icon' | 'label' | 'size' | 'ref'>;

export type ButtonProps = Native & {
  /** `primary` once a page at most; `quiet` has no border. */
  readonly kind?: 'primary' | 'plain' | 'quiet' | 'danger';
  readonly size?: 'usual' | 'small' | 'large';
  readonly icon?: IconName | undefined;
  /** Something is under way: cannot be pressed, says so. */
  readonly isBusy?: boolean | undefined;
  readonly buttonRef?: Ref<HTMLButtonElement> | undefined;
  readonly children?: ComponentChildren;
};

export function Button({
  kind = 'plain',
  size = 'usual',
  icon,
  isBusy,
  buttonRef,
  children,
  class: more,
  disabled,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      ref={buttonRef ?? null}
      class={`button ${kind} ${size} ${String(more ?? '')}`}
      disabled={disabled || isBusy}
      aria-busy={isBusy || undefined}
    >
      {isBusy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} size={18} />}
      <span>{children}</span>
    </button>
  );
}

export type IconButtonProps = Native & {
  readonly icon: IconName;
  /** What it does, in a word or two. */
  readonly label: string;
  readonly isFull?: boolean | undefined;
  readonly size?: 'usual' | 'small';
  readonly buttonRef?: Ref<HTMLButtonElement> | undefined;
};

export function IconButton({
  icon,
  label,
  isFull,
  size = 'usual',
  buttonRef,
  class: more,
  ...rest
}: IconButtonProps) {
  return (
    <button
      type="button"
      title={label}
      aria-label={label}
      {...rest}
      ref={buttonRef ?? null}
      class={`icon-button ${size} ${String(more ?? '')}`}
    >
      <Icon name={icon} size={size === 'small' ? 16 : 20} {...(isFull ? { isFull } : {})} />
    </button>
  );
}

/** An address that looks like a button. */
export function LinkButton({
  href,
  icon,
  kind = 'plain',
  download,
  children,
}: {
  href: string;
  icon?: IconName;
  kind?: 'primary' | 'plain' | 'quiet';
  download?: string | boolean;
  children: ComponentChildren;
}) {
  return (
    <a class={`button ${kind} usual`} href={href} {...(download === undefined ? {} : { download })}>
      {icon && <Icon name={icon} size={18} />}
      <span>{children}</span>
    </a>
  );
}
