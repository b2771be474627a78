/** @file A card in the grid: picture, name, family, trigger words; states that matter. */
import type { ApiCard } from '../../../../src/server/api-types.ts';
import { bytes, Icon, IconButton, toastError } from '../../parts/index.ts';
import { setFavourite } from './card-list.ts';
import { CardPicture } from './card-picture.tsx';

export const stateWords: Readonly<Record<ApiCard['state'], string>> = {
  ...{ present: '', missing: 'File not there', broken: 'Cannot be read' },
};

export const toggleFavourite = (card: ApiCard): void =>
  void setFavourite(card, !card.favourite).catch(toastError);

export function CardTile({ card, onOpen }: { readonly card: ApiCard; readonly onOpen: () => void }) {
  const { name, family, kind, rank, favourite, rating, state, triggers, use } = card;
  const words = triggers[0]?.words;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid's cell takes Enter
    // biome-ignore lint/a11y/noStaticElementInteractions: the grid's cell is what is focused
    <div class={`card-tile ${state}`} onClick={onOpen}>
      <div class="card-tile-picture">
        <CardPicture card={card} />
        {state !== 'present' && (
          <span class={`card-state ${state}`}>
            <Icon name={state === 'missing' ? 'offline' : 'warning'} size={14} />
            {stateWords[state]}
          </span>
        )}
      </div>
      <div class="card-tile-text">
        <span class="card-name" title={name}>
          {name}
        </span>
        <span class="card-words" title={words}>
          {words ?? (use === 'lora' ? 'No trigger words' : bytes(card.bytes))}
        </span>
        <span class="card-facts numbers">
          <span class="family">{family || 'Unknown'}</span>
          {use === 'lora' && (
            <span>{[kind === 'LoRA' ? '' : kind, rank ? `rank ${rank}` : ''].filter(Boolean).join(' ')}</span>
          )}
          {rating > 0 && (
            <span class="card-rating">
              <span aria-hidden="true">{'★'.repeat(rating)}</span>
              <span class="aside-text">rated {rating} of 5</span>
            </span>
          )}
        </span>
      </div>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: it only holds the press back from the card */}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: it only holds the press back from the card */}
      <span class={`card-heart ${favourite ? 'on' : ''}`} onClick={event => event.stopPropagation()}>
        <IconButton
          icon="heart"
          size="small"
          isFull={favourite}
          tabIndex={-1}
          label={favourite ? 'Favourite; press to take it out' : 'Make it a favourite'}
          onClick={() => toggleFavourite(card)}
        />
      </span>
    </div>
  );
}
