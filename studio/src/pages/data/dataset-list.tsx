/** @file All data sets: what they show, how many pictures, where they come from. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ApiDataset } from '../../../../src/server/api-types.ts';
import { onEvent } from '../../api/events.ts';
import { api } from '../../api/routes.ts';
import { session } from '../../api/state.ts';
import {
  Button,
  count,
  ErrorNote,
  type GivenFile,
  LinkButton,
  Spinner,
  useDrop,
  useLoaded,
} from '../../parts/index.ts';
import { PageHead } from '../../shell/page-head.tsx';
import { go } from '../../shell/router.ts';
import { datasetPath, trainPath } from './addresses.ts';
import { Covers } from './covers.tsx';
import { FolderDialog } from './folder-dialog.tsx';
import { goalLabel } from './goals.ts';
import { NewDatasetDialog, PictureDrop } from './new-dataset.tsx';

function captionWords({ pictures, captioned }: ApiDataset): string {
  if (pictures === 0) return 'no pictures yet';
  if (captioned === pictures) return 'all with captions';
  return captioned === 0 ? 'no captions' : `${captioned} with captions`;
}

function factsText(dataset: ApiDataset): string {
  const { pictures, origin, suggestion } = dataset;
  const parts = [
    ...(suggestion ? [goalLabel(suggestion.goal)] : []),
    ...(pictures > 0 ? [count(pictures, 'picture')] : []),
    captionWords(dataset),
    ...(origin === 'folder' ? ['a folder of yours'] : []),
  ];
  return parts.join(', ');
}

function DatasetCard({
  dataset,
  isFirst,
}: {
  readonly dataset: ApiDataset;
  /** Of the examples of somebody who is new here. */
  readonly isFirst?: boolean;
}) {
  const { id, name, origin, pictures, covers, fault } = dataset;
  return (
    <li class="dataset-card">
      <a class="dataset-open" href={`#${datasetPath(id)}`}>
        <Covers covers={covers} />
        <span class="dataset-name">{name}</span>
      </a>
      <p class={`small ${fault ? 'fault' : 'soft'}`}>{fault ? fault.message : factsText(dataset)}</p>
      {pictures > 0 && (
        <div>
          <LinkButton kind={isFirst ? 'primary' : 'plain'} icon="train" href={`#${trainPath(id)}`}>
            {origin === 'example' ? 'Train this example' : 'Train'}
          </LinkButton>
        </div>
      )}
    </li>
  );
}

export function DatasetList() {
  const { value, error, reload } = useLoaded(stop => api.datasets(stop), []);
  const dialog = useSignal<'none' | 'new' | 'folder'>('none');
  const dropped = useSignal<readonly GivenFile[]>([]);
  useEffect(() => onEvent('dataset', reload), [reload]);
  const drop = useDrop({
    onGiven: files => {
      dropped.value = files;
      dialog.value = 'new';
    },
  });
  const close = (): void => {
    dialog.value = 'none';
    dropped.value = [];
  };
  const done = (id: string): void => {
    close();
    reload();
    go(datasetPath(id));
  };
  const datasets = value?.datasets ?? [];
  const own = datasets.filter(({ origin }) => origin !== 'example');
  const isNew = own.length === 0 && (session.value?.isNew ?? false);
  const examples = datasets.filter(({ origin }) => origin === 'example');
  return (
    <div class={`page data-page ${drop.isOver ? 'drop-over' : ''}`} {...drop.handlers}>
      <PageHead title="Data" text="Pictures and their captions: what a LoRA learns from.">
        {session.value?.isLocal && (
          <Button
            icon="folder"
            onClick={() => {
              dialog.value = 'folder';
            }}
          >
            Use a folder
          </Button>
        )}
        <Button
          icon="add"
          kind={isNew ? 'plain' : 'primary'}
          onClick={() => {
            dialog.value = 'new';
          }}
        >
          New data set
        </Button>
      </PageHead>
      <ErrorNote error={error} onRetry={reload} />
      {!value && !error && <Spinner label="Reading data sets" />}
      {own.length > 0 && (
        <ul class="dataset-cards" aria-label="Your data sets">
          {own.map(dataset => (
            <DatasetCard key={dataset.id} dataset={dataset} />
          ))}
        </ul>
      )}
      {value && own.length === 0 && (
        <div class="first-pictures">
          <PictureDrop
            label="Drop pictures or a folder here"
            hint="15 to 40 pictures of a character, or 30 and more of a style. Captions (.txt beside a picture) are taken along."
            onFiles={files => {
              dropped.value = files;
              dialog.value = 'new';
            }}
          />
        </div>
      )}
      {examples.length > 0 && (
        <section class="stack" aria-labelledby="examples">
          <h2 id="examples">{own.length > 0 ? 'Examples' : 'Or try it with an example'}</h2>
          <ul class="dataset-cards">
            {examples.map((dataset, i) => (
              <DatasetCard key={dataset.id} dataset={dataset} isFirst={i === 0 && isNew} />
            ))}
          </ul>
        </section>
      )}
      {dialog.value === 'new' && <NewDatasetDialog given={dropped.value} onClose={close} onDone={done} />}
      {dialog.value === 'folder' && <FolderDialog onClose={close} onDone={done} />}
    </div>
  );
}
