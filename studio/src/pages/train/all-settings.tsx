/** @file Every field of the recipe, by group: what it does, what it is now and why; changed ones are marked. */
import { useSignal } from '@preact/signals';
import { api } from '../../api/routes.ts';
import {
  Button,
  Chip,
  ErrorNote,
  Icon,
  Section,
  Spinner,
  Switch,
  TextField,
  useLoaded,
} from '../../parts/index.ts';
import { searchFields, withField, withoutField } from './recipe-form.ts';
import { SettingRow } from './setting-row.tsx';
import type { TrainForm } from './train-form.ts';

/** Said elsewhere in the form. */
const saidAbove = new Set(['trigger', 'previewPrompts', 'previewEvery']);

export function AllSettings({ form }: { readonly form: TrainForm }) {
  const isOpen = useSignal(false);
  const count = Object.keys(form.recipe.value).length;
  return (
    <Section
      title="All settings"
      summary={count === 0 ? 'every field of the recipe' : count === 1 ? 'one changed' : `${count} changed`}
      isOpen={isOpen.value}
      onToggle={open => {
        isOpen.value = open;
      }}
    >
      {isOpen.value && <Settings form={form} />}
    </Section>
  );
}

function Settings({ form }: { readonly form: TrainForm }) {
  const { value, error, reload } = useLoaded(() => api.recipeOptions(), []);
  const search = useSignal('');
  const onlyChanged = useSignal(false);
  const changed = form.recipe.value;
  if (error) return <ErrorNote error={error} onRetry={reload} />;
  if (!value) return <Spinner label="Reading settings" />;
  const fields = value.fields.filter(({ field }) => !saidAbove.has(field));
  const groups = searchFields(fields, search.value, onlyChanged.value ? changed : undefined);
  const planned = new Map((form.plan.value.value?.fields ?? []).map(field => [field.field, field]));
  const isSearching = search.value.trim() !== '' || onlyChanged.value;
  return (
    <div class="stack">
      <div class="row wrap">
        <div class="grow">
          <TextField
            label="Find a setting"
            type="search"
            placeholder="rate, dropout, network_dim …"
            value={search.value}
            onInput={text => {
              search.value = text;
            }}
          />
        </div>
        <Switch
          label="Only changed"
          isOn={onlyChanged.value}
          onChange={isOn => {
            onlyChanged.value = isOn;
          }}
        />
      </div>
      {Object.keys(changed).length > 0 && (
        <div class="row wrap">
          {Object.keys(changed).map(field => (
            <Chip
              key={field}
              tone="accent"
              onRemove={() => {
                form.recipe.value = withoutField(changed, field);
              }}
            >
              {field}
            </Chip>
          ))}
          <Button
            size="small"
            kind="quiet"
            icon="undo"
            onClick={() => {
              form.recipe.value = {};
            }}
          >
            All as computed
          </Button>
        </div>
      )}
      {groups.length === 0 && <p class="soft">No setting is like that.</p>}
      {groups.map(({ heading, fields: rows }) => (
        <details key={heading} class="setting-group" open={isSearching}>
          <summary>
            <span class="setting-marker">
              <Icon name="right" size={16} />
            </span>
            {heading} <span class="soft small">{rows.length}</span>
          </summary>
          {rows.map(row => (
            <SettingRow
              key={row.field}
              row={row}
              changed={changed}
              planned={planned.get(row.field)}
              onChange={next => {
                form.recipe.value = withField(form.recipe.peek(), row.field, next);
              }}
              onReset={() => {
                form.recipe.value = withoutField(form.recipe.peek(), row.field);
              }}
            />
          ))}
        </details>
      ))}
    </div>
  );
}
