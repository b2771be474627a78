/** @file Numbers: a field, and a slider with its number beside it. */
import { useState } from 'preact/hooks';
import { Field, type FieldIds, type FieldProps } from './field.tsx';

export interface NumberProps extends FieldProps {
  readonly value: number;
  readonly onChange: (value: number) => void;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly step?: number | undefined;
  /** `px`, `%` … */
  readonly unit?: string | undefined;
  readonly isDisabled?: boolean | undefined;
}

const within = (value: number, min: number | undefined, max: number | undefined): number =>
  Math.min(max ?? Number.POSITIVE_INFINITY, Math.max(min ?? Number.NEGATIVE_INFINITY, value));

/** While it is being typed, any text; when it is left, a number within the bounds. */
function NumberInput({
  ids,
  value,
  onChange,
  min,
  max,
  step = 1,
  unit,
  isDisabled,
}: Omit<NumberProps, keyof FieldProps> & { readonly ids: Partial<FieldIds> & { 'aria-label'?: string } }) {
  const [draft, setDraft] = useState<string | undefined>(undefined);
  const read = (text: string): number | undefined => {
    const number = Number(text.replace(',', '.'));
    return text.trim() === '' || Number.isNaN(number) ? undefined : number;
  };
  const type = (text: string): void => {
    setDraft(text);
    const number = read(text);
    if (number !== undefined && number === within(number, min, max)) onChange(number);
  };
  const leave = (): void => {
    const number = draft === undefined ? undefined : read(draft);
    setDraft(undefined);
    if (number !== undefined) onChange(within(number, min, max));
  };
  return (
    <span class="number-input">
      <input
        {...ids}
        class="input numbers"
        type="number"
        inputMode={step % 1 === 0 && (min ?? 0) >= 0 ? 'numeric' : 'decimal'}
        value={draft ?? String(value)}
        {...(min === undefined ? {} : { min })}
        {...(max === undefined ? {} : { max })}
        step={step}
        disabled={isDisabled ?? false}
        onInput={event => type(event.currentTarget.value)}
        onBlur={leave}
      />
      {unit && <span class="unit">{unit}</span>}
    </span>
  );
}

export function NumberField({ label, hint, error, isLabelHidden, aside, ...number }: NumberProps) {
  return (
    <Field {...{ label, hint, error, isLabelHidden, aside }}>
      {ids => <NumberInput ids={{ ...ids }} {...number} />}
    </Field>
  );
}

/** A slider, and the same value as a number that can go beyond it (`limit`). */
export function Slider({
  label,
  hint,
  error,
  isLabelHidden,
  aside,
  value,
  onChange,
  min = 0,
  max = 1,
  step = 0.05,
  limit,
  unit,
  isDisabled,
}: NumberProps & { readonly limit?: { readonly min: number; readonly max: number } | undefined }) {
  const share = ((within(value, min, max) - min) / (max - min)) * 100;
  return (
    <Field {...{ label, hint, error, isLabelHidden, aside }}>
      {ids => (
        <div class="slider">
          <input
            {...ids}
            type="range"
            style={{ '--share': `${share}%` }}
            {...{ min, max, step, value }}
            disabled={isDisabled ?? false}
            aria-valuetext={`${value}${unit ? ` ${unit}` : ''}`}
            onInput={event => onChange(Number(event.currentTarget.value))}
          />
          <NumberInput
            ids={{ 'aria-label': `${label}, as a number` }}
            {...{ value, onChange, step, unit, isDisabled }}
            min={limit?.min ?? min}
            max={limit?.max ?? max}
          />
        </div>
      )}
    </Field>
  );
}
