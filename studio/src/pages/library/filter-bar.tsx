/** @file Search, what kind of file, filters, order. Filters that are set stand below as chips. */
import { useCallback, useRef, useState } from 'preact/hooks';
import type { ApiCard, ApiFacets, ApiLibraryFolder } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { libraryChange } from '../../api/state.ts';
import {
  Button,
  Chip,
  IconButton,
  Popover,
  Segments,
  Select,
  Switch,
  TextField,
  useLoaded,
} from '../../parts/index.ts';
import { changeFilter, filter } from './card-list.ts';
import { filterCount, noFilter, type Sort, withUse } from './card-query.ts';

const uses: readonly { readonly value: ApiCard['use']; readonly label: string }[] = [
  { value: 'lora', label: 'LoRAs' },
  { value: 'checkpoint', label: 'Checkpoints' },
  { value: 'embedding', label: 'Embeddings' },
  { value: 'vae', label: 'VAEs' },
];

const sorts: readonly { readonly value: '' | Sort; readonly label: string }[] = [
  { value: '', label: 'Newest' },
  { value: 'best', label: 'Best' },
  { value: 'name', label: 'Name' },
  { value: 'rating', label: 'Rating' },
  { value: 'size', label: 'Size' },
];

const states = { '': 'Any', present: 'There', missing: 'Not there now', broken: 'Broken' } as const;

/** The last folder of a path, which is what tells them apart. */
export const folderName = ({ path, layout }: ApiLibraryFolder): string =>
  layout === 'studio'
    ? 'This studio'
    : path
        .replace(/[\\/]+$/, '')
        .split(/[\\/]/)
        .slice(-2)
        .join('/');

export function FilterBar() {
  const { text, use, favourite, sort } = filter.value;
  const turn = libraryChange.value;
  const { value: facets } = useLoaded(() => api.facets(use), [use, turn]);
  const { value: folders } = useLoaded(() => api.folders(), [turn]);
  return (
    <div class="stack tight">
      <search class="library-bar">
        <div class="library-search">
          <TextField
            label="Search the library"
            isLabelHidden
            type="search"
            placeholder="Search names, trigger words, tags, notes"
            value={text}
            onInput={value => changeFilter({ text: value })}
          />
        </div>
        <div class="library-uses">
          <Segments
            label="What"
            isLabelHidden
            value={use}
            options={uses}
            onChange={value => {
              filter.value = withUse(filter.peek(), value);
              changeFilter({});
            }}
          />
        </div>
        <div class="library-tools">
          <IconButton
            icon="heart"
            label="Favourites only"
            aria-pressed={favourite}
            isFull={favourite}
            onClick={() => changeFilter({ favourite: !favourite })}
          />
          <FilterButton facets={facets} folders={folders?.folders} />
          <div class="library-sort">
            <Select
              label="Order"
              isLabelHidden
              value={sort}
              options={sorts.map(row =>
                row.value === '' && text.trim() ? { ...row, label: 'Best match' } : row,
              )}
              onChange={value => changeFilter({ sort: value })}
            />
          </div>
        </div>
      </search>
      <SetFilters folders={folders?.folders ?? []} />
    </div>
  );
}

const choicesOf = (all: string, counted: ApiFacets['tags'] = []) => [
  { value: '', label: all },
  ...counted.map(({ value, count }) => ({ value, label: `${value} (${count})` })),
];

function FilterButton({
  facets,
  folders,
}: {
  readonly facets: ApiFacets | undefined;
  readonly folders: readonly ApiLibraryFolder[] | undefined;
}) {
  const [isOpen, setOpen] = useState(false);
  const anchor = useRef<HTMLButtonElement>(null);
  const close = useCallback(() => setOpen(false), []);
  const { family, kind, tag, folder, state, grouped, use } = filter.value;
  const own = filterCount({ ...filter.value, favourite: false });
  const inUse = new Map(facets?.folders.map(({ value, count }) => [value, count]));
  return (
    <>
      <Button
        buttonRef={anchor}
        icon="settings"
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {own > 0 ? `Filters (${own})` : 'Filters'}
      </Button>
      {isOpen && (
        <Popover anchor={anchor} onClose={close} label="Filters" width={340} align="end">
          <div class="stack library-filters">
            <Select
              label="Base family"
              value={family}
              options={choicesOf('Any', facets?.families)}
              onChange={value => changeFilter({ family: value })}
            />
            {use === 'lora' && (
              <Select
                label="Kind"
                value={kind}
                options={choicesOf('Any', facets?.kinds)}
                onChange={value => changeFilter({ kind: value })}
              />
            )}
            <Select
              label="Tag"
              value={tag}
              options={choicesOf(facets?.tags.length ? 'Any' : 'No card has tags yet', facets?.tags)}
              onChange={value => changeFilter({ tag: value })}
            />
            <Select
              label="Folder"
              value={folder.split('/')[0] ?? ''}
              options={[
                { value: '', label: 'All' },
                ...(folders ?? [])
                  .filter(({ id }) => inUse.has(id))
                  .map(one => ({ value: one.id, label: `${folderName(one)} (${inUse.get(one.id)})` })),
              ]}
              onChange={value => changeFilter({ folder: value })}
            />
            <Select
              label="Files that are"
              value={state}
              options={Object.entries(states).map(([value, label]) => ({
                value: value as typeof state,
                label,
              }))}
              onChange={value => changeFilter({ state: value })}
            />
            {use === 'lora' && (
              <Switch
                label="One card for all epochs"
                hint="Of each training, the newest."
                isOn={grouped}
                onChange={isOn => changeFilter({ grouped: isOn })}
              />
            )}
          </div>
        </Popover>
      )}
    </>
  );
}

function SetFilters({ folders }: { readonly folders: readonly ApiLibraryFolder[] }) {
  const { family, kind, tag, folder, state, favourite, grouped } = filter.value;
  const [folderId = '', ...place] = folder.split('/');
  const known = folders.find(({ id }) => id === folderId);
  const chips: readonly (readonly [string, Parameters<typeof changeFilter>[0]])[] = [
    ...(family ? [[family, { family: '' }] as const] : []),
    ...(kind ? [[kind, { kind: '' }] as const] : []),
    ...(tag ? [[`Tag: ${tag}`, { tag: '' }] as const] : []),
    ...(folder
      ? [[['In', known ? folderName(known) : folderId, ...place].join(' ').trim(), { folder: '' }] as const]
      : []),
    ...(state ? [[states[state], { state: '' as const }] as const] : []),
    ...(favourite ? [['Favourites', { favourite: false }] as const] : []),
    ...(grouped ? [['One card for all epochs', { grouped: false }] as const] : []),
  ];
  if (chips.length === 0) return null;
  return (
    <div class="row wrap">
      {chips.map(([label, off]) => (
        <Chip key={label} tone="accent" onRemove={() => changeFilter(off)}>
          {label}
        </Chip>
      ))}
      {chips.length > 1 && (
        <Button
          kind="quiet"
          size="small"
          onClick={() =>
            changeFilter({
              ...noFilter,
              text: filter.peek().text,
              use: filter.peek().use,
              sort: filter.peek().sort,
            })
          }
        >
          Clear all
        </Button>
      )}
    </div>
  );
}
