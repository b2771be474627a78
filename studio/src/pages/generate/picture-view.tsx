/** @file One finished picture: large, with what it was made with and what can be done with it. */
import { useState } from 'preact/hooks';
import type { ApiWholePicture } from '../../../../src/server/api-types.ts';
import { api, pictureAt, pictureFile } from '../../api/routes.ts';
import {
  ago,
  Button,
  Dialog,
  ErrorNote,
  IconButton,
  LinkButton,
  Menu,
  pictureDrag,
  Section,
  Spinner,
  toast,
  useLoaded,
} from '../../parts/index.ts';
import { cards } from './catalogue.ts';
import { change, form } from './form.ts';
import { deletePicture, pictures, setFavourite } from './history.ts';
import { showLoraBy, startFromPicture, takePictureSettings, takePrompt, takeSeed } from './use-picture.ts';
import { WithWithout } from './with-without.tsx';

export function PictureView({ id }: { readonly id: string }) {
  const { value: whole, error, reload } = useLoaded(signal => api.picture(id, signal), [id]);
  const listed = pictures.value.find(picture => picture.id === id);
  const picture = whole ? { ...whole, favourite: listed?.favourite ?? whole.favourite } : undefined;
  if (error !== undefined) return <ErrorNote error={error} onRetry={reload} />;
  const shape = picture ?? listed;
  return (
    <figure class="stage-box">
      <div class="stage-pictures">
        {shape ? <Large picture={shape} /> : <Spinner label="Reading the picture" />}
      </div>
      {picture && <Caption picture={picture} />}
    </figure>
  );
}

type Seen = Pick<ApiWholePicture, 'id' | 'url' | 'prompt' | 'width' | 'height'>;

function Large({ picture }: { readonly picture: Seen }) {
  const { id, url, prompt, width, height } = picture;
  const [isWhole, setWhole] = useState(false);
  return (
    <>
      <button
        type="button"
        class="stage-picture"
        aria-label="Show the picture in full size"
        draggable
        onDragStart={event => event.dataTransfer?.setData(pictureDrag, id)}
        onClick={() => setWhole(true)}
      >
        <img
          class={width <= 128 ? 'small' : ''}
          src={pictureAt(url, width > 1280 || height > 1280 ? '1280' : 'full')}
          alt={prompt || 'Picture without a prompt'}
          draggable={false}
          {...{ width, height }}
        />
      </button>
      {isWhole && (
        <Dialog title={`${width} × ${height}`} size="full" onClose={() => setWhole(false)}>
          <img
            class={`whole-picture ${width <= 128 ? 'small' : ''}`}
            src={pictureAt(url, 'full')}
            alt={prompt || 'Picture without a prompt'}
          />
        </Dialog>
      )}
    </>
  );
}

function Caption({ picture }: { readonly picture: ApiWholePicture }) {
  const { id, prompt, seed, width, height, favourite, loras, createdAt, model, fileName } = picture;
  const [isComparing, setComparing] = useState(false);
  return (
    <figcaption class="stage-caption">
      <div class="row spread stage-actions">
        <div class="row">
          <IconButton
            icon="heart"
            label={favourite ? 'No favourite any more' : 'Favourite'}
            aria-pressed={favourite}
            isFull={favourite}
            onClick={() => void setFavourite(picture, !favourite)}
          />
          <LinkButton href={pictureFile(id)} download={fileName} icon="download" kind="quiet">
            Download
          </LinkButton>
        </div>
        <div class="row wrap">
          {loras.length > 0 && (
            <Button kind="quiet" icon="compare" onClick={() => setComparing(true)}>
              Without LoRA
            </Button>
          )}
          <Button kind="quiet" icon="copy" onClick={() => void takePictureSettings(id)}>
            Use settings
          </Button>
          <Menu
            label="More for this picture"
            items={[
              { label: 'Use its prompt', icon: 'edit', onSelect: () => void takePrompt(id) },
              { label: 'Keep its seed', icon: 'lock', onSelect: () => takeSeed(picture) },
              { label: 'Start from it', icon: 'picture', onSelect: () => void startFromPicture(id) },
              { label: 'Paint a mask on it', icon: 'brush', onSelect: () => void paintOn(id) },
              ...lorasOf(picture).map(lora => ({
                label: `Picture for ${lora.name}`,
                icon: 'library' as const,
                onSelect: () => void showLoraBy(id, lora),
              })),
              { label: 'Delete', icon: 'trash', isDanger: true, onSelect: () => deletePicture(picture) },
            ]}
          />
        </div>
      </div>
      <p class="stage-prompt">{prompt || <span class="soft">No prompt</span>}</p>
      <p class="soft small numbers">
        {[
          model,
          ...loras.map(({ name, strength }) => `${name} ${strength}`),
          `seed ${seed}`,
          `${width} × ${height}`,
          ago(createdAt),
        ].join(' · ')}
      </p>
      <Parameters picture={picture} />
      {isComparing && <WithWithout picture={picture} onClose={() => setComparing(false)} />}
    </figcaption>
  );
}

/** LoRAs of a picture that the library has: those beside its prompt. */
function lorasOf({ payload, loras }: ApiWholePicture): { id: string; name: string }[] {
  const given = (payload as { loras?: { id: string }[] } | undefined)?.loras ?? [];
  return given.map(({ id }, i) => ({ id, name: cards.peek().get(id)?.name ?? loras[i]?.name ?? id }));
}

async function paintOn(id: string): Promise<void> {
  await startFromPicture(id);
  change({ inpaint: { ...form.value.inpaint, isOn: true } });
}

function Parameters({ picture: { parameters } }: { readonly picture: ApiWholePicture }) {
  const copy = (): void => {
    void navigator.clipboard
      .writeText(parameters)
      .then(() => toast('Copied'))
      .catch(() => toast('This browser did not let it be copied.', { tone: 'danger' }));
  };
  return (
    <Section title="Parameters">
      <pre class="parameters">{parameters}</pre>
      <div>
        <Button size="small" icon="copy" onClick={copy}>
          Copy
        </Button>
      </div>
    </Section>
  );
}
