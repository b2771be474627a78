/** @file A labelled place for one value. Labels stand above, hints below, and both are read with the value. */
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

export interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly error?: string | undefined;
  /** The label is read, not shown. */
  readonly isLabelHidden?: boolean | undefined;
  /** Beside the label, at its end. */
  readonly aside?: ComponentChildren;
}

export interface FieldIds {
  readonly id: string;
  readonly 'aria-describedby'?: string;
  readonly 'aria-invalid'?: boolean;
}

/** Frame of a field; what it holds gets the ids that tie label, hint and error to it. */
export function Field({
  label,
  hint,
  error,
  isLabelHidden,
  aside,
  children,
}: FieldProps & { readonly children: (ids: FieldIds) => ComponentChildren }) {
  const id = useId();
  const described = [hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter(Boolean).join(' ');
  const ids: FieldIds = {
    id,
    ...(described ? { 'aria-describedby': described } : {}),
    ...(error ? { 'aria-invalid': true } : {}),
  };
  return (
    <div class="field">
      <div class={isLabelHidden && !aside ? 'aside-text' : 'field-head'}>
        <label for={id} class={isLabelHidden ? 'aside-text' : ''}>
          {label}
        </label>
        {aside}
      </div>
      {children(ids)}
      {hint && (
        <div class="field-hint" id={`${id}-hint`}>
          {hint}
        </div>
      )}
      {error && (
        <div class="field-error" id={`${id}-error`} role="alert">
          {error}
        </div>
      )}
    </div>
  );
}
