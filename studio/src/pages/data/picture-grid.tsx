/** @file The pictures of a set as a grid: looked at, selected, described. */
import { useRef } from 'preact/hooks';
import type { ApiDatasetPicture } from '../../../../src/server/api-types.ts';
import { isMod, VirtualGrid } from '../../parts/index.ts';
import type { DatasetView } from './dataset-view.ts';
import { PictureTile, shownBadges, tileBadges } from './picture-tile.tsx';
import { nothingSelected, select, selectAll } from './selection.ts';

export interface GridProps {
  readonly view: DatasetView;
  readonly hasCrops: boolean;
  readonly onOpen: (id: string) => void;
  readonly onRemove: () => void;
}

/** Picture above, three lines of caption below. */
const captionHeight = 78;

/** The name, then what is to be seen, in the same order. */
function readAloud(view: DatasetView, picture: ApiDatasetPicture): string {
  const badges = shownBadges(tileBadges(view, picture)).map(({ text }) => text);
  const state = view.selection.value.chosen.has(picture.id) ? ['selected'] : [];
  return [picture.name, ...state, ...badges, picture.caption || 'no caption'].join(', ');
}

export function PictureGrid({ view, hasCrops, onOpen, onRemove }: GridProps) {
  const isRange = useRef(false);
  const shown = view.shown.value;
  const order = (): string[] => view.shown.peek().map(({ id }) => id);
  const press = (event: KeyboardEvent, { id }: ApiDatasetPicture): void => {
    const selection = view.selection.peek();
    if (isMod(event, 'a')) view.selection.value = selectAll(selection, order());
    else if (event.key === ' ')
      view.selection.value = select(selection, order(), id, {
        toggle: !event.shiftKey,
        range: event.shiftKey,
      });
    else if ((event.key === 'e' || event.key === 'F2') && view.canEdit.peek()) view.editing.value = id;
    else if (event.key === 'Delete' && selection.chosen.size > 0) onRemove();
    else if (event.key === 'Escape') view.selection.value = nothingSelected;
    else return;
    event.preventDefault();
  };
  /** With shift held, what the arrows come to is selected too. */
  const focused = (event: FocusEvent): void => {
    const cell = (event.target as HTMLElement).closest<HTMLElement>('[role="gridcell"]');
    const picture = view.shown.peek()[Number(cell?.dataset.index)];
    if (isRange.current && picture && event.target === cell)
      view.selection.value = select(view.selection.peek(), order(), picture.id, { range: true });
  };
  return (
    <div
      class="picture-grid"
      onKeyDownCapture={event => {
        isRange.current = event.shiftKey && event.key.startsWith('Arrow');
        const cell = (event.target as HTMLElement).closest<HTMLElement>('[role="gridcell"]');
        const picture = view.shown.peek()[Number(cell?.dataset.index)];
        if (isRange.current && picture && view.selection.peek().anchor === undefined)
          view.selection.value = select(view.selection.peek(), order(), picture.id);
      }}
      onFocusIn={focused}
    >
      <VirtualGrid<ApiDatasetPicture>
        label="Pictures"
        total={shown.length}
        itemAt={index => shown[index]}
        keyOf={({ id }) => id}
        labelOf={picture => readAloud(view, picture)}
        minWidth={150}
        gap={12}
        heightOf={width => width + captionHeight}
        onOpen={({ id }) => onOpen(id)}
        onKey={press}
        render={picture => <PictureTile {...{ view, picture, hasCrops, onOpen }} />}
      />
    </div>
  );
}
