/** @file A small whole number with a button on each side. */
import { IconButton } from './button.tsx';

export function Stepper({
  label,
  value,
  onChange,
  min = 1,
  max = 100,
}: {
  /** What is counted. */
  readonly label: string;
  readonly value: number;
  readonly onChange: (value: number) => void;
  readonly min?: number;
  readonly max?: number;
}) {
  const set = (next: number): void => {
    if (Number.isFinite(next)) onChange(Math.max(min, Math.min(max, Math.round(next))));
  };
  return (
    <div class="stepper">
      <IconButton
        icon="remove"
        label={`Fewer: ${label}`}
        disabled={value <= min}
        onClick={() => set(value - 1)}
      />
      <input
        class="numbers"
        type="text"
        inputMode="numeric"
        role="spinbutton"
        aria-label={label}
        aria-valuenow={value}
        aria-valuemin={min}
        aria-valuemax={max}
        value={value}
        onChange={event => set(Number(event.currentTarget.value))}
        onKeyDown={event => {
          const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
          if (!step) return;
          event.preventDefault();
          set(value + step);
        }}
      />
      <IconButton
        icon="add"
        label={`More: ${label}`}
        disabled={value >= max}
        onClick={() => set(value + 1)}
      />
    </div>
  );
}
