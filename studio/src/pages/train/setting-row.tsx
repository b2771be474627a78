/** @file One field of the recipe. */
import { useState } from 'preact/hooks';
import { IconButton } from '../../parts/index.ts';
import { type PlanField, shortWhy } from './plan-view.ts';
import { type ChangedFields, type RecipeFieldRow, readTyped, valueText } from './recipe-form.ts';

export interface SettingRowProps {
  readonly row: RecipeFieldRow;
  readonly changed: ChangedFields;
  /** What the plan says it is now. */
  readonly planned: PlanField | undefined;
  readonly onChange: (value: unknown) => void;
  readonly onReset: () => void;
}

export function SettingRow({ row, changed, planned, onChange, onReset }: SettingRowProps) {
  const isChanged = Object.hasOwn(changed, row.field);
  const value = isChanged ? changed[row.field] : (planned?.value ?? row.fallback);
  const [fault, setFault] = useState<string | undefined>(undefined);
  const type = (text: string): void => {
    const typed = readTyped(row, text);
    setFault('fault' in typed ? typed.fault : undefined);
    if ('fault' in typed) return;
    // What is as it was is no change.
    if (isChanged || JSON.stringify(typed.value) !== JSON.stringify(value)) onChange(typed.value);
  };
  const why = isChanged ? 'your choice' : planned ? shortWhy(planned.why) : '';
  return (
    <div class={`setting ${isChanged ? 'changed' : ''}`}>
      <label class="setting-name" for={`set-${row.field}`}>
        <code>{row.field}</code>
      </label>
      <div class="setting-value">
        <SettingInput row={row} value={value} isWrong={fault !== undefined} onType={type} />
        {isChanged && (
          <IconButton
            icon="undo"
            size="small"
            label={`${row.field} as computed`}
            onClick={() => {
              setFault(undefined);
              onReset();
            }}
          />
        )}
      </div>
      <p class="setting-text small soft" id={`about-${row.field}`}>
        {row.text}
        {why && <span class="setting-why"> · {why}</span>}
        {fault && (
          <span class="field-error" role="alert">
            {' '}
            {fault}
          </span>
        )}
      </p>
    </div>
  );
}

function SettingInput({
  row: { field, type, choices },
  value,
  isWrong,
  onType,
}: {
  readonly row: RecipeFieldRow;
  readonly value: unknown;
  readonly isWrong: boolean;
  readonly onType: (text: string) => void;
}) {
  const shown = valueText(value);
  const shared = {
    ...{ id: `set-${field}`, class: 'input', 'aria-describedby': `about-${field}` },
    ...(isWrong ? { 'aria-invalid': true as const } : {}),
  };
  if (type === 'switch')
    return (
      <select
        {...shared}
        value={shown === 'none' ? 'false' : shown}
        onChange={event => onType(event.currentTarget.value)}
      >
        <option value="false">no</option>
        <option value="true">yes</option>
      </select>
    );
  if (choices) {
    const all = choices.includes(shown) ? choices : [shown, ...choices];
    return (
      <select {...shared} value={shown} onChange={event => onType(event.currentTarget.value)}>
        {all.map(choice => (
          <option key={choice} value={choice} selected={choice === shown}>
            {choice}
          </option>
        ))}
      </select>
    );
  }
  if (type === 'list')
    return (
      <textarea
        {...shared}
        class="input area"
        rows={Math.min(4, shown.split('\n').length + 1)}
        value={shown}
        placeholder="one a line"
        spellcheck={false}
        onChange={event => onType(event.currentTarget.value)}
      />
    );
  return (
    <input
      {...shared}
      type="text"
      value={shown}
      autoComplete="off"
      spellcheck={false}
      inputMode={type === 'number' || type === 'integer' ? 'decimal' : 'text'}
      onChange={event => onType(event.currentTarget.value)}
    />
  );
}
