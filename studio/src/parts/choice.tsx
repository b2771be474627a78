/** @file Choosing: one of many, one of few, yes or no. */
import { useId } from 'preact/hooks';
import { Field, type FieldProps } from './field.tsx';
import { Icon, type IconName } from './icon.tsx';

export interface Choice<T extends string = string> {
  readonly value: T;
  readonly label: string;
  readonly icon?: IconName | undefined;
}

export function Select<T extends string>({
  value,
  options,
  onChange,
  isDisabled,
  ...field
}: FieldProps & {
  readonly value: T;
  readonly options: readonly Choice<T>[];
  readonly onChange: (value: T) => void;
  readonly isDisabled?: boolean | undefined;
}) {
  const isKnown = options.some(option => option.value === value);
  return (
    <Field {...field}>
      {ids => (
        <span class="select">
          <select
            {...ids}
            class="input"
            value={value}
            disabled={isDisabled ?? false}
            onChange={event => onChange(event.currentTarget.value as T)}
          >
            {!isKnown && <option value={value}>{value}</option>}
            {options.map(option => (
              <option key={option.value} value={option.value} selected={option.value === value}>
                {option.label}
              </option>
            ))}
          </select>
          <Icon name="down" size={16} />
        </span>
      )}
    </Field>
  );
}

/** Few choices, all seen: radio buttons that look like one bar. */
export function Segments<T extends string>({
  label,
  value,
  options,
  onChange,
  isLabelHidden,
}: {
  readonly label: string;
  readonly value: T;
  readonly options: readonly Choice<T>[];
  readonly onChange: (value: T) => void;
  readonly isLabelHidden?: boolean;
}) {
  const name = useId();
  return (
    <fieldset class="field">
      <legend class={isLabelHidden ? 'aside-text' : 'field-head'}>{label}</legend>
      <div class="segments">
        {options.map(option => (
          <label key={option.value} class="segment">
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            <span>
              {option.icon && <Icon name={option.icon} size={16} />}
              {option.label}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function Switch({
  label,
  hint,
  isOn,
  onChange,
  isDisabled,
}: {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
  readonly isDisabled?: boolean | undefined;
}) {
  const id = useId();
  return (
    <label class="switch">
      <span class="grow">
        {label}
        {hint && (
          <span class="field-hint" id={id}>
            {hint}
          </span>
        )}
      </span>
      <input
        type="checkbox"
        role="switch"
        checked={isOn}
        aria-checked={isOn}
        disabled={isDisabled ?? false}
        {...(hint ? { 'aria-describedby': id } : {})}
        onChange={event => onChange(event.currentTarget.checked)}
      />
      <span class="switch-track" aria-hidden="true" />
    </label>
  );
}
