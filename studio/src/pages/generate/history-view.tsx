/** @file The history below the stage: all pictures, endless, to be looked at, dragged back in, kept or deleted. */
import { useEffect, useState } from 'preact/hooks';
import type { ApiPicture } from '../../../../src/server/api-types.ts';
import {
  EmptyState,
  ErrorNote,
  Icon,
  IconButton,
  Picture,
  pictureDrag,
  TextField,
  VirtualGrid,
} from '../../parts/index.ts';
import {
  deletePicture,
  filter,
  historyError,
  isRead,
  pictures,
  readHistory,
  setFavourite,
  total,
  wantPictures,
} from './history.ts';
import { useDelayed } from './lora-picker.tsx';
import { shown } from './runs.ts';

export function HistoryView() {
  const [text, setText] = useState(filter.peek().text);
  const asked = useDelayed(text, 200);
  const { favourite } = filter.value;
  useEffect(() => {
    if (filter.peek().text !== asked) filter.value = { ...filter.peek(), text: asked };
  }, [asked]);
  const isFiltered = asked !== '' || favourite;
  if (isRead.value && total.value === 0 && !isFiltered && historyError.value === undefined) return null;
  return (
    <section class="history" aria-labelledby="history-title">
      <div class="row spread history-head">
        <h2 id="history-title">History</h2>
        <div class="row">
          <div class="history-search">
            <TextField
              label="Search pictures"
              isLabelHidden
              type="search"
              placeholder="Search"
              value={text}
              onInput={setText}
            />
          </div>
          <IconButton
            icon="heart"
            label="Favourites only"
            aria-pressed={favourite}
            isFull={favourite}
            onClick={() => {
              filter.value = { ...filter.peek(), favourite: !favourite };
            }}
          />
        </div>
      </div>
      {historyError.value !== undefined && (
        <ErrorNote error={historyError.value} onRetry={() => void readHistory()} />
      )}
      {isRead.value && total.value === 0 && isFiltered ? (
        <EmptyState icon="search" title="No picture like this" />
      ) : (
        <VirtualGrid
          label="History"
          total={total.value}
          itemAt={index => pictures.value[index]}
          keyOf={({ id }) => id}
          labelOf={labelOf}
          minWidth={104}
          gap={8}
          onRange={(_, last) => wantPictures(last)}
          onOpen={show}
          onKey={press}
          render={picture => <Card picture={picture} />}
        />
      )}
    </section>
  );
}

const labelOf = ({ prompt, favourite, seed }: ApiPicture): string =>
  `${prompt || 'No prompt'}, seed ${seed}${favourite ? ', favourite' : ''}`;

function show({ id }: Pick<ApiPicture, 'id'>): void {
  shown.value = { kind: 'picture', id };
  const stage = document.getElementById('stage');
  if (stage && stage.getBoundingClientRect().bottom < 160) stage.scrollIntoView({ block: 'start' });
}

function press(event: KeyboardEvent, picture: ApiPicture): void {
  if (event.key === 'Delete' || event.key === 'Backspace') deletePicture(picture);
  else if (event.key === 'f') void setFavourite(picture, !picture.favourite);
  else if (event.key === ' ') show(picture);
  else return;
  event.preventDefault();
}

function Card({ picture }: { readonly picture: ApiPicture }) {
  const { id, url, width, height, favourite } = picture;
  const { value } = shown;
  const isShown = value.kind === 'picture' && value.id === id;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid's cell around it has the keys
    // biome-ignore lint/a11y/noStaticElementInteractions: the same
    <div
      class={`history-card ${isShown ? 'shown' : ''}`}
      draggable
      onDragStart={event => event.dataTransfer?.setData(pictureDrag, id)}
      onClick={() => show(picture)}
    >
      <Picture url={url} alt="" size="320" width={width} height={height} />
      {favourite && (
        <span class="history-heart">
          <Icon name="heart" size={14} isFull />
        </span>
      )}
    </div>
  );
}
