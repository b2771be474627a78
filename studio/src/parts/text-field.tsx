/** @file One line of text, and many. */
import type { Ref, TargetedKeyboardEvent } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Field, type FieldProps } from './field.tsx';

export interface TextFieldProps extends FieldProps {
  readonly value: string;
  readonly onInput: (value: string) => void;
  /** When it is left or Enter is pressed. */
  readonly onCommit?: ((value: string) => void) | undefined;
  readonly placeholder?: string | undefined;
  readonly type?: 'text' | 'search' | 'password' | undefined;
  readonly autoFocus?: boolean | undefined;
  readonly isDisabled?: boolean | undefined;
  readonly onKeyDown?: ((event: TargetedKeyboardEvent<HTMLInputElement>) => void) | undefined;
  readonly inputRef?: Ref<HTMLInputElement> | undefined;
  readonly suggestions?: readonly string[] | undefined;
  readonly maxLength?: number | undefined;
}

export function TextField({
  value,
  onInput,
  onCommit,
  placeholder,
  type = 'text',
  autoFocus,
  isDisabled,
  onKeyDown,
  inputRef,
  suggestions,
  maxLength,
  ...field
}: TextFieldProps) {
  return (
    <Field {...field}>
      {ids => (
        <>
          <input
            {...ids}
            ref={inputRef ?? null}
            class="input"
            value={value}
            placeholder={placeholder ?? ''}
            disabled={isDisabled ?? false}
            autoComplete="off"
            spellcheck={false}
            dir="auto"
            {...(maxLength ? { maxLength } : {})}
            {...(autoFocus ? { autoFocus } : {})}
            {...((suggestions ? { list: `${ids.id}-list` } : { type }) as { type: 'text' })}
            onInput={event => onInput(event.currentTarget.value)}
            onChange={event => onCommit?.(event.currentTarget.value)}
            {...(onKeyDown ? { onKeyDown } : {})}
          />
          {suggestions && (
            <datalist id={`${ids.id}-list`}>
              {suggestions.map(text => (
                <option key={text} value={text} />
              ))}
            </datalist>
          )}
        </>
      )}
    </Field>
  );
}

export interface TextAreaProps extends FieldProps {
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly onCommit?: ((value: string) => void) | undefined;
  readonly placeholder?: string | undefined;
  /** Lines at least; it grows with its text up to `maxRows`. */
  readonly rows?: number | undefined;
  readonly maxRows?: number | undefined;
  readonly onKeyDown?: ((event: TargetedKeyboardEvent<HTMLTextAreaElement>) => void) | undefined;
  readonly areaRef?: { current: HTMLTextAreaElement | null } | undefined;
  readonly isDisabled?: boolean | undefined;
}

/** Grows with what is written. */
export function TextArea({
  value,
  onInput,
  onCommit,
  placeholder,
  rows = 3,
  maxRows = 14,
  onKeyDown,
  areaRef,
  isDisabled,
  ...field
}: TextAreaProps) {
  const own = useRef<HTMLTextAreaElement>(null);
  const ref = areaRef ?? own;
  useLayoutEffect(() => fitHeight(ref.current, rows, maxRows), [value, rows, maxRows]);
  return (
    <Field {...field}>
      {ids => (
        <textarea
          {...ids}
          ref={ref}
          class="input area"
          value={value}
          rows={rows}
          placeholder={placeholder ?? ''}
          disabled={isDisabled ?? false}
          spellcheck={false}
          dir="auto"
          onInput={event => onInput(event.currentTarget.value)}
          onChange={event => onCommit?.(event.currentTarget.value)}
          {...(onKeyDown ? { onKeyDown } : {})}
        />
      )}
    </Field>
  );
}

function fitHeight(area: HTMLTextAreaElement | null, rows: number, maxRows: number): void {
  if (!area) return;
  const line = Number.parseFloat(getComputedStyle(area).lineHeight) || 22;
  area.style.height = 'auto';
  const wanted = Math.min(area.scrollHeight + 2, maxRows * line + 18);
  area.style.height = `${Math.max(wanted, rows * line + 18)}px`;
}
