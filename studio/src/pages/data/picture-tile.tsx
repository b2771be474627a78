/** @file One picture of the grid: as it is trained, what is wrong with it, its caption to be read and written. */
import type { ApiDatasetPicture } from '../../../../src/server/api-types.ts';
import { Icon } from '../../parts/index.ts';
import { CaptionEditor } from './caption-editor.tsx';
import { CropView } from './crop-view.tsx';
import type { DatasetView } from './dataset-view.ts';
import { select } from './selection.ts';

export interface TileProps {
  readonly view: DatasetView;
  readonly picture: ApiDatasetPicture;
  readonly hasCrops: boolean;
  readonly onOpen: (id: string) => void;
}

export function PictureTile({ view, picture, hasCrops, onOpen }: TileProps) {
  const { id, name, caption, url, width, height, fault } = picture;
  const isChosen = view.selection.value.chosen.has(id);
  const badges = fault
    ? [{ code: fault.code, severity: 'high', text: 'not used' }]
    : (view.badges.value.get(name) ?? []);
  const measured = hasCrops ? view.measured.value.get(name) : undefined;
  const pick = (event: MouseEvent): void => {
    const keys = { range: event.shiftKey, toggle: event.ctrlKey || event.metaKey };
    const order = view.shown.value.map(one => one.id);
    view.selection.value = select(view.selection.peek(), order, id, keys);
  };
  return (
    <div class={`tile ${isChosen ? 'chosen' : ''} ${fault ? 'faulty' : ''}`}>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the cell of the grid takes the keys */}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the cell of the grid is the element that is selected */}
      <div class="tile-picture" onClick={pick} onDblClick={() => onOpen(id)}>
        <CropView {...{ url, width, height, measured }} alt="" size="320" />
        {isChosen && (
          <span class="tile-check">
            <Icon name="check" size={16} />
          </span>
        )}
        {badges.length > 0 && (
          <span class="tile-badges">
            {badges.slice(0, 2).map(({ code, severity, text }) => (
              <span key={code} class={`badge ${severity}`} title={fault?.message}>
                {text}
              </span>
            ))}
            {badges.length > 2 && <span class="badge low">+{badges.length - 2}</span>}
          </span>
        )}
      </div>
      {view.editing.value === id ? (
        <CaptionEditor view={view} picture={picture} />
      ) : (
        <Caption text={caption} name={name} onEdit={view.canEdit.value ? () => edit(view, id) : undefined} />
      )}
    </div>
  );
}

function edit(view: DatasetView, id: string): void {
  view.editing.value = id;
}

function Caption({
  text,
  name,
  onEdit,
}: {
  readonly text: string;
  readonly name: string;
  readonly onEdit: (() => void) | undefined;
}) {
  const shown = text.trim() === '' ? <i class="soft">no caption</i> : text;
  if (!onEdit)
    return (
      <p class="tile-caption" title={text}>
        {shown}
      </p>
    );
  return (
    <button
      type="button"
      class="tile-caption"
      tabIndex={-1}
      title={`${name}: edit its caption (E)`}
      onClick={onEdit}
    >
      {shown}
    </button>
  );
}
