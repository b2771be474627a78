/** @file All cards: the bar, the grid, and what is said where it is empty. */

import type { ApiCard } from '../../../../src/server/api-types.ts';
import { session, status } from '../../api/state.ts';
import {
  Button,
  count,
  EmptyState,
  ErrorNote,
  LinkButton,
  Progress,
  Spinner,
  VirtualGrid,
} from '../../parts/index.ts';
import { go } from '../../shell/router.ts';
import {
  cards,
  changeFilter,
  filter,
  isRead,
  isReading,
  listError,
  readAgain,
  total,
  wantCards,
} from './card-list.ts';
import { filterCount, noFilter } from './card-query.ts';
import { CardTile, toggleFavourite } from './card-tile.tsx';
import { FilterBar } from './filter-bar.tsx';

export const cardPath = (id: string): string => `/library/${encodeURIComponent(id)}`;

const textHeight = 98;

export function GridView() {
  return (
    <div class="stack">
      <FilterBar />
      <ScanProgress />
      {listError.value !== undefined && (
        <ErrorNote error={listError.value} onRetry={() => void readAgain()} />
      )}
      <Cards />
    </div>
  );
}

function ScanProgress() {
  const scan = status.value?.scan;
  if (!scan?.isRunning) return null;
  return (
    <Progress
      isSlim
      label="Reading the library"
      share={scan.total > 0 ? scan.done / scan.total : undefined}
      text={
        scan.total > 0
          ? `Reading ${scan.done.toLocaleString('en')} of ${count(scan.total, 'file')}`
          : 'Looking for files'
      }
    />
  );
}

/** A card is read as what stands on it. */
const nothing = (): string => '';

const open = (card: ApiCard): void => go(cardPath(card.id));

function Cards() {
  const list = cards.value;
  const all = total.value;
  if (!isRead.value) return <Spinner label="Reading the library" />;
  const noun = { lora: 'LoRA', checkpoint: 'checkpoint', embedding: 'embedding', vae: 'VAE' }[
    filter.value.use
  ];
  return (
    <section aria-label="Cards" aria-busy={isReading.value}>
      <p class="soft small numbers library-count" role="status">
        {count(all, noun)}
      </p>
      {all === 0 ? (
        <NoCards />
      ) : (
        <VirtualGrid
          label="Cards of the library"
          total={all}
          itemAt={index => list[index]}
          keyOf={card => card.id}
          labelOf={nothing}
          minWidth={window.innerWidth < 720 ? 150 : 178}
          gap={window.innerWidth < 720 ? 12 : 16}
          heightOf={width => width + textHeight}
          onRange={wantCards}
          onOpen={open}
          onKey={(event, card) => {
            if (event.key === 'f' && !event.ctrlKey && !event.metaKey && !event.altKey) {
              event.preventDefault();
              toggleFavourite(card);
            }
          }}
          render={card => <CardTile card={card} onOpen={() => open(card)} />}
        />
      )}
    </section>
  );
}

function NoCards() {
  const now = filter.value;
  const isFiltered = now.text.trim() !== '' || filterCount(now) > 0;
  if (isFiltered)
    return (
      <EmptyState icon="search" title="Nothing like this" text="Every word must begin a word of the card.">
        <Button onClick={() => changeFilter({ ...noFilter, use: now.use, sort: now.sort })}>Show all</Button>
      </EmptyState>
    );
  if (now.use !== 'lora')
    return (
      <EmptyState
        icon="library"
        title="None yet"
        text="Add the folder in which they lie: an installation of A1111, Forge or ComfyUI brings all of its folders."
      >
        <LinkButton href="#/settings" icon="folder">
          Add a folder
        </LinkButton>
      </EmptyState>
    );
  return (
    <EmptyState
      icon="library"
      title="Your LoRAs, wherever they lie"
      text={
        session.value?.isLocal === false
          ? 'Train one, or drop a .lorapack here. Folders are added on the machine itself: lora library add FOLDER'
          : 'Add the folder of A1111, Forge or ComfyUI, or any other. Files are read in place: nothing is moved, renamed or changed. Or drop a .lorapack here.'
      }
    >
      <LinkButton href="#/settings" icon="folder" kind="primary">
        Add a folder
      </LinkButton>
      <LinkButton href="#/train" icon="train">
        Train one
      </LinkButton>
    </EmptyState>
  );
}
