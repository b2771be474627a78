/** @file The picture of a card, which takes others, and what can be done with it. */
import { useEffect, useState } from 'preact/hooks';
import type { ApiWholeCard } from '../../../../src/server/api-types.ts';
import { pictureFile } from '../../api/routes.ts';
import {
  Button,
  ConfirmDialog,
  Icon,
  IconButton,
  LinkButton,
  Menu,
  type MenuItem,
  toast,
  toastError,
  useDrop,
} from '../../parts/index.ts';
import { go } from '../../shell/router.ts';
import { CardPicture } from './card-picture.tsx';
import { editCard, showCard } from './card-state.ts';
import { fileAddress, forgetCard, packAddress, removePreview, setPreview } from './library-api.ts';
import { openMerge } from './merge-dialog.tsx';
import { PictureChoice } from './picture-choice.tsx';
import { SideFilesDialog } from './side-files-dialog.tsx';

async function takePicture(id: string, picture: Blob | Promise<Blob>): Promise<void> {
  try {
    showCard(await setPreview(id, await picture));
  } catch (fault) {
    toastError(fault);
  }
}

async function fileOfPicture(id: string): Promise<Blob> {
  const answer = await fetch(pictureFile(id), { credentials: 'same-origin' });
  if (!answer.ok) throw new Error(`The picture could not be read (${answer.status}).`);
  return answer.blob();
}

export function CardActions({ card }: { readonly card: ApiWholeCard }) {
  return (
    <>
      <CardPreview card={card} />
      <div class="row spread">
        <Rating card={card} />
        <IconButton
          icon="heart"
          isFull={card.favourite}
          label={card.favourite ? 'No favourite any more' : 'Favourite'}
          aria-pressed={card.favourite}
          onClick={() => void editCard({ favourite: !card.favourite })}
        />
      </div>
      <Main card={card} />
    </>
  );
}

function Main({ card }: { readonly card: ApiWholeCard }) {
  const { id, use, state, versions, name } = card;
  const [isWriting, setWriting] = useState(false);
  const [isForgetting, setForgetting] = useState(false);
  const isThere = state === 'present';
  const isLora = use === 'lora';
  const items: MenuItem[] = [
    ...(isLora && isThere
      ? [
          {
            label: 'See with and without',
            icon: 'swap' as const,
            onSelect: () => go(`/compare?${new URLSearchParams({ lora: id, axis: 'without' })}`),
          },
          {
            label: 'Merge with others',
            icon: 'wand' as const,
            onSelect: () => openMerge([card]),
          },
          { label: 'Save as pack', icon: 'copy' as const, onSelect: () => save(packAddress(id, false)) },
          {
            label: 'Save as pack with notes',
            icon: 'copy' as const,
            onSelect: () => save(packAddress(id, true)),
          },
          { label: 'Write for other programs', icon: 'edit' as const, onSelect: () => setWriting(true) },
        ]
      : []),
    ...(isThere
      ? [{ label: 'Download', icon: 'download' as const, onSelect: () => save(fileAddress(id)) }]
      : []),
    ...(state === 'missing'
      ? [
          {
            label: 'Forget this card',
            icon: 'trash' as const,
            isDanger: true,
            onSelect: () => setForgetting(true),
          },
        ]
      : []),
  ];
  return (
    <div class="stack tight card-buttons">
      {isLora && isThere && (
        <LinkButton kind="primary" icon="generate" href={`#/generate?lora=${id}`}>
          Generate with it
        </LinkButton>
      )}
      {isLora && isThere && (
        <LinkButton
          icon="compare"
          href={`#/compare?${new URLSearchParams({ lora: id, axis: versions.length > 1 ? 'epochs' : 'strength' })}`}
        >
          {versions.length > 1 ? 'Compare its epochs' : 'Compare strengths'}
        </LinkButton>
      )}
      {items.length > 0 && <Menu label="More" hasText items={items} />}
      {isWriting && <SideFilesDialog card={card} onClose={() => setWriting(false)} />}
      {isForgetting && (
        <ConfirmDialog
          title="Forget this card?"
          text={`What you wrote of ${name} goes with it. No file is deleted.`}
          action="Forget"
          onClose={() => setForgetting(false)}
          onConfirm={() =>
            void forgetCard(id).then(() => {
              toast(`${name} is forgotten`);
              go('/library');
            }, toastError)
          }
        />
      )}
    </div>
  );
}

/** The browser saves it; the page stays. */
function save(address: string): void {
  const link = document.createElement('a');
  link.href = address;
  link.download = '';
  link.click();
}

function CardPreview({ card }: { readonly card: ApiWholeCard }) {
  const { id, name, previewUrl } = card;
  const [isChoosing, setChoosing] = useState(false);
  const { isOver, handlers } = useDrop({
    onFiles: ([file]) => file && void takePicture(id, file),
    onPicture: picture => void takePicture(id, fileOfPicture(picture)),
  });
  useEffect(() => {
    const paste = (event: ClipboardEvent): void => {
      const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith('image/'));
      if (!file) return;
      event.preventDefault();
      void takePicture(id, file);
    };
    document.addEventListener('paste', paste);
    return () => document.removeEventListener('paste', paste);
  }, [id]);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would be read as a form
    <div
      class={`card-preview ${isOver ? 'over' : ''}`}
      role="group"
      aria-label="Picture of the card"
      {...handlers}
    >
      <div class={`card-preview-picture ${previewUrl ? '' : 'none'}`}>
        <CardPicture card={card} alt={`Picture of ${name}`} size="640" fit="contain" />
      </div>
      {isOver && (
        <span class="card-preview-drop">
          <Icon name="picture" /> Drop to show it by this picture
        </span>
      )}
      <div class="row spread">
        <Button kind="quiet" size="small" icon="picture" onClick={() => setChoosing(true)}>
          {previewUrl ? 'Other picture' : 'Choose a picture'}
        </Button>
        {previewUrl && (
          <Button
            kind="quiet"
            size="small"
            onClick={() => void removePreview(id).then(showCard, toastError)}
            title="A picture beside the file shows again"
          >
            Take mine away
          </Button>
        )}
      </div>
      {isChoosing && (
        <PictureChoice
          name={name}
          onFile={file => void takePicture(id, file)}
          onPicture={picture => void takePicture(id, fileOfPicture(picture))}
          onClose={() => setChoosing(false)}
        />
      )}
    </div>
  );
}

function Rating({ card: { rating } }: { readonly card: ApiWholeCard }) {
  return (
    <fieldset class="rating" aria-label="Rating">
      {[1, 2, 3, 4, 5].map(stars => (
        <button
          key={stars}
          type="button"
          class={stars <= rating ? 'on' : ''}
          aria-label={`${stars} of 5`}
          aria-pressed={stars === rating}
          onClick={() => void editCard({ rating: stars === rating ? 0 : stars })}
        >
          ★
        </button>
      ))}
    </fieldset>
  );
}
