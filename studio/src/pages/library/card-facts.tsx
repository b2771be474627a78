/** @file Facts of a card: what its tensors say, what its training wrote, hashes, where its files lie. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiWholeCard } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { ago, Button, bytes, ErrorNote, IconButton, Section, useLoaded } from '../../parts/index.ts';
import { showCard, card as shown } from './card-state.ts';
import { copyText } from './copy.ts';
import { folderName } from './filter-bar.tsx';
import { hashCard } from './library-api.ts';

type Row = readonly [label: string, value: ComponentChildren];

const numberOf = (value: number | undefined): string | undefined => value?.toLocaleString('en');

function FactList({ rows }: { readonly rows: readonly Row[] }) {
  const told = rows.filter(([, value]) => value !== undefined && value !== '');
  return (
    <dl class="facts numbers">
      {told.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function fileRows({
  family,
  claimedFamily,
  kind,
  rank,
  alpha,
  bytes: size,
  modifiedAt,
  addedAt,
}: ApiWholeCard): Row[] {
  return [
    ['Base family', family],
    ['Metadata says', claimedFamily === family ? undefined : claimedFamily],
    ['Kind', kind],
    ['Rank', rank],
    [
      'Alpha',
      alpha === undefined
        ? undefined
        : `${Number(alpha.toPrecision(4))}${rank ? ` (scale ${Number((alpha / rank).toPrecision(3))})` : ''}`,
    ],
    ['Size', bytes(size)],
    ['Changed', ago(modifiedAt)],
    ['In the library since', ago(addedAt)],
  ];
}

function trainingRows({ training }: ApiWholeCard): Row[] {
  const { base, pictures, steps, epoch, epochs, resolution, rate, optimizer, trainedAt, tool } = training;
  return [
    ['Trained on', base],
    ['Pictures', numberOf(pictures)],
    ['Steps', numberOf(steps)],
    ['Epoch', epoch === undefined ? undefined : epochs === undefined ? epoch : `${epoch} of ${epochs}`],
    ['Resolution', resolution],
    ['Learning rate', rate],
    ['Optimizer', optimizer],
    [
      'Trained',
      trainedAt === undefined
        ? undefined
        : new Date(trainedAt).toLocaleDateString([], { dateStyle: 'medium' }),
    ],
    ['With', tool],
  ];
}

export function CardFacts({ card }: { readonly card: ApiWholeCard }) {
  const training = trainingRows(card).filter(([, value]) => value !== undefined && value !== '');
  const metadata = Object.entries(card.metadata);
  return (
    <section aria-labelledby="facts-title">
      <h2 id="facts-title">Facts</h2>
      <div class="fact-groups">
        <FactList rows={fileRows(card)} />
        {training.length > 0 && <FactList rows={training} />}
      </div>
      <Section
        title="Hashes"
        summary={card.hashes.autoV2 ? `AutoV2 ${card.hashes.autoV2}` : 'computed when asked for'}
      >
        <Hashes card={card} />
      </Section>
      <Section
        title="Files"
        summary={card.copies.length > 0 ? `${card.copies.length + 1} with the same tensors` : card.fileName}
      >
        <Files card={card} />
      </Section>
      {metadata.length > 0 && (
        <Section title="Metadata" summary={`${metadata.length} entries`}>
          <dl class="metadata">
            {metadata.map(([key, value]) => (
              <div key={key}>
                <dt>{key}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </Section>
      )}
    </section>
  );
}

function Hashes({ card: { id, hashes, state } }: { readonly card: ApiWholeCard }) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const rows: readonly (readonly [string, string, string | undefined])[] = [
    ['AutoV1', 'the oldest of A1111', hashes.autoV1],
    ['AutoV2', 'A1111 and model sites', hashes.autoV2],
    ['AutoV3', 'of the tensors alone', hashes.autoV3],
    ['SHA-256', 'of the file', hashes.sha256],
  ];
  const compute = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      const found = await hashCard(id);
      const now = shown.peek();
      if (now?.id === id) showCard({ ...now, hashes: found });
    } catch (fault) {
      setError(fault);
    }
    setBusy(false);
  };
  return (
    <>
      <ul class="hash-list">
        {rows
          .filter(([, , value]) => value)
          .map(([name, text, value]) => (
            <li key={name} class="hash-row">
              <span class="hash-name">
                {name} <span class="soft small">{text}</span>
              </span>
              <code class="hash-value">{value}</code>
              <IconButton
                icon="copy"
                size="small"
                label={`Copy ${name}`}
                onClick={() => void copyText(value!)}
              />
            </li>
          ))}
      </ul>
      {error !== undefined && <ErrorNote error={error} />}
      {!hashes.sha256 && state === 'present' && (
        <div>
          <Button size="small" isBusy={isBusy} onClick={() => void compute()}>
            {isBusy ? 'Reading the file' : 'Compute hashes'}
          </Button>
        </div>
      )}
    </>
  );
}

function Files({ card: { folder, place, fileName, copies, sideFiles } }: { readonly card: ApiWholeCard }) {
  const { value } = useLoaded(() => api.folders(), []);
  const where = (id: string, inside: string, name: string): string => {
    const known = value?.folders.find(one => one.id === id);
    return [known ? folderName(known) : '', inside, name].filter(Boolean).join('/');
  };
  return (
    <div class="stack tight file-list">
      <code>{where(folder, place, fileName)}</code>
      {copies.map(copy => (
        <code key={copy.folder + copy.place + copy.fileName}>
          {where(copy.folder, copy.place, copy.fileName)}
        </code>
      ))}
      {sideFiles.length > 0 && (
        <p class="small soft">Beside it: {sideFiles.map(({ name }) => name).join(', ')}</p>
      )}
    </div>
  );
}
