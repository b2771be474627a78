/** @file One picture of the grid: as it is trained, what is wrong with it, its caption to be read and written. */
import type { ApiDatasetPicture } from '../../../../src/server/api-types.ts';
import { Icon } from '../../parts/index.ts';
import { CaptionEditor } from './caption-editor.tsx';
import { CropView } from './crop-view.tsx';
import type { DatasetView } from './dataset-view.ts';
import type { Badge } from './report-view.ts';
import { select } from './selection.ts';

export interface TileProps {
  readonly view: DatasetView;
  readonly picture: ApiDatasetPicture;
  readonly hasCrops: boolean;
  readonly onOpen: (id: string) => void;
}

const seenAnyway = new Set(['CAPTION_MISSING', 'CAPTION_EMPTY']);

/** What is said of a picture, but for what its caption shows anyway. */
export function tileBadges(view: DatasetView, { name, fault }: ApiDatasetPicture): readonly Badge[] {
  if (fault) return [{ code: fault.code, severity: 'high', text: 'not used' }];
  return (view.badges.value.get(name) ?? []).filter(({ code }) => !seenAnyway.has(code));
}

/** The worst has room, and how many there are more. */
export const shownBadges = (badges: readonly Badge[]): readonly Badge[] =>
  badges.length > 1
    ? [...badges.slice(0, 1), { code: 'more', severity: 'low', text: `+${badges.length - 1}` }]
    : badges;

export function PictureTile({ view, picture, hasCrops, onOpen }: TileProps) {
  const { id, name, caption, url, width, height, fault } = picture;
  const isChosen = view.selection.value.chosen.has(id);
  const badges = tileBadges(view, picture);
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
            {shownBadges(badges).map(({ code, severity, text }) => (
              <span key={code} class={`badge ${severity}`} title={fault?.message}>
                {text}{' '}
              </span>
            ))}
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
  const shown = <span class="clamped">{text.trim() === '' ? <i class="soft">no caption</i> : text}</span>;
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
