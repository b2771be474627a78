/** @file Many captions at once: what is to change, for which pictures; every change is seen before it is written. */
import { useSignal } from '@preact/signals';
import type {
  ApiCaptionChanges,
  ApiCaptionEdit,
  ApiDatasetPicture,
} from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import {
  Button,
  count,
  Dialog,
  ErrorNote,
  Segments,
  Select,
  TextArea,
  TextField,
  toast,
} from '../../parts/index.ts';
import { type BulkForm, type BulkKind, bulkKinds, editOf } from './bulk-edit.ts';
import type { DatasetView } from './dataset-view.ts';
import { isFiltering } from './picture-filter.ts';
import { textDifference } from './text-difference.ts';

type Scope = 'chosen' | 'shown' | 'all';

function scopeOf(view: DatasetView, scope: Scope): readonly ApiDatasetPicture[] {
  const all = (view.whole.value?.items ?? []).filter(({ fault }) => !fault);
  if (scope === 'all') return all;
  if (scope === 'shown') return view.shown.value.filter(({ fault }) => !fault);
  return all.filter(({ id }) => view.selection.value.chosen.has(id));
}

export function BulkPanel({ view }: { readonly view: DatasetView }) {
  const form = useSignal<BulkForm>({ kind: 'trigger', text: view.trigger.peek(), by: '', isLast: false });
  const wanted = useSignal<Scope | undefined>(undefined);
  const preview = useSignal<{ edit: ApiCaptionEdit; changes: ApiCaptionChanges } | undefined>(undefined);
  const error = useSignal<unknown>(undefined);
  const isBusy = useSignal(false);
  const { kind, text, by, isLast } = form.value;
  const hasChosen = view.selection.value.chosen.size > 0;
  const hasFilter = isFiltering(view.filter.value);
  const scopes: readonly Scope[] = [
    ...(hasChosen ? (['chosen'] as const) : []),
    ...(hasFilter ? (['shown'] as const) : []),
    'all',
  ];
  const scope = wanted.value && scopes.includes(wanted.value) ? wanted.value : (scopes[0] ?? 'all');
  const pictures = scopeOf(view, scope);
  const change = (to: Partial<BulkForm>): void => {
    form.value = { ...form.value, ...to };
    error.value = undefined;
  };
  const look = async (): Promise<void> => {
    const edit = editOf(form.value, pictures);
    if (!edit) return;
    isBusy.value = true;
    error.value = undefined;
    try {
      const nothing = edit.only?.length === 0;
      const changes = nothing
        ? { changes: [], written: false }
        : await api.captionEdit(view.id, { ...edit, write: false });
      preview.value = { edit, changes };
    } catch (fault) {
      error.value = fault;
    }
    isBusy.value = false;
  };
  const hint = bulkKinds.find(row => row.value === kind)?.hint;
  if (!view.canEdit.value)
    return (
      <p class="soft small">
        Captions of examples stay as they are. Make a copy of this data set to change them.
      </p>
    );
  return (
    <div class="stack">
      <Select
        label="Change"
        value={kind}
        options={bulkKinds}
        onChange={value => change({ kind: value as BulkKind })}
        hint={hint}
      />
      {kind === 'set' ? (
        <TextArea label="Caption" value={text} onInput={value => change({ text: value })} />
      ) : (
        <TextField
          label={kind === 'replace' ? 'What' : kind === 'trigger' ? 'Trigger word' : 'Text'}
          value={text}
          onInput={value => change({ text: value })}
        />
      )}
      {kind === 'replace' && (
        <TextField label="By" value={by} onInput={value => change({ by: value })} placeholder="nothing" />
      )}
      {kind === 'add' && (
        <Segments
          label="Where"
          value={isLast ? 'last' : 'first'}
          options={[
            { value: 'first', label: 'in front' },
            { value: 'last', label: 'at the end' },
          ]}
          onChange={value => change({ isLast: value === 'last' })}
        />
      )}
      <Segments
        label="Which pictures"
        value={scope}
        options={scopes.map(value => ({
          value,
          label: `${scopeNames[value]} (${scopeOf(view, value).length})`,
        }))}
        onChange={value => {
          wanted.value = value;
        }}
      />
      <div class="row wrap">
        <Button isBusy={isBusy.value} disabled={!editOf(form.value, pictures)} onClick={() => void look()}>
          Show what changes
        </Button>
        {view.whole.value?.canUndo && (
          <Button kind="quiet" icon="undo" onClick={() => void view.undo()}>
            Undo the last change
          </Button>
        )}
      </div>
      <ErrorNote error={error.value} />
      {preview.value && (
        <ChangesDialog
          view={view}
          {...preview.value}
          onClose={() => {
            preview.value = undefined;
          }}
        />
      )}
    </div>
  );
}

const scopeNames: Readonly<Record<Scope, string>> = { chosen: 'selected', shown: 'shown', all: 'all' };

/** More rows than this are counted. */
const mostRows = 300;

function ChangesDialog({
  view,
  edit,
  changes: { changes },
  onClose,
}: {
  readonly view: DatasetView;
  readonly edit: ApiCaptionEdit;
  readonly changes: ApiCaptionChanges;
  readonly onClose: () => void;
}) {
  const error = useSignal<unknown>(undefined);
  const isBusy = useSignal(false);
  const write = async (): Promise<void> => {
    isBusy.value = true;
    try {
      const { changes: written } = await api.captionEdit(view.id, { ...edit, write: true });
      onClose();
      await view.read();
      view.askReport();
      toast(`${count(written.length, 'caption')} written.`, {
        action: { label: 'Undo', onSelect: () => void view.undo() },
      });
    } catch (fault) {
      error.value = fault;
      isBusy.value = false;
    }
  };
  const isNothing = changes.length === 0;
  return (
    <Dialog
      title={isNothing ? 'Nothing would change' : `${count(changes.length, 'caption')} would change`}
      size="wide"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{isNothing ? 'Close' : 'Cancel'}</Button>
          {!isNothing && (
            <Button kind="primary" isBusy={isBusy.value} onClick={() => void write()}>
              Write {count(changes.length, 'caption')}
            </Button>
          )}
        </>
      }
    >
      {isNothing && <p class="soft">All of these captions are as the change would make them.</p>}
      <ul class="changes">
        {changes.slice(0, mostRows).map(({ id, name, before, after }) => {
          const { start, gone, come, end } = textDifference(before, after);
          return (
            <li key={id}>
              <span class="soft small">{name}</span>
              <p>
                {start}
                {gone && <del>{gone}</del>}
                {come && <ins>{come}</ins>}
                {end}
              </p>
            </li>
          );
        })}
      </ul>
      {changes.length > mostRows && <p class="soft">and {changes.length - mostRows} more</p>}
      <ErrorNote error={error.value} />
    </Dialog>
  );
}
