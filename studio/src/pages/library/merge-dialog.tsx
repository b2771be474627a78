/** @file Several LoRAs with strengths into one new LoRA, or into a checkpoint: a job, followed here until it is done. */
import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import type { ApiCard, MergePayload } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { jobs, libraryChange, noteJob, progressOf } from '../../api/state.ts';
import {
  Button,
  Dialog,
  ErrorNote,
  Finding,
  IconButton,
  NumberField,
  Progress,
  Segments,
  Select,
  Slider,
  TextField,
  useLoaded,
} from '../../parts/index.ts';
import { go } from '../../shell/router.ts';
import { CardPicture } from './card-picture.tsx';

/** Cards that the dialog begins with; open while it is set. */
export const mergeFrom = signal<readonly ApiCard[] | undefined>(undefined);

interface Part {
  readonly card: ApiCard;
  readonly strength: number;
}

const goodName = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,79}$/u;

export function openMerge(from: readonly ApiCard[]): void {
  mergeFrom.value = from;
}

const close = (): void => {
  mergeFrom.value = undefined;
};

export function MergeDialog() {
  const [parts, setParts] = useState<readonly Part[]>(
    (mergeFrom.value ?? []).map(card => ({ card, strength: card.strength ?? 1 })),
  );
  const [into, setInto] = useState<MergePayload['into']>('lora');
  const [name, setName] = useState('');
  const [base, setBase] = useState('');
  const [rank, setRank] = useState(0);
  const [error, setError] = useState<unknown>();
  const [jobId, setJobId] = useState<string | undefined>();
  const { value: bases } = useLoaded(
    () => api.cards({ use: 'checkpoint', state: 'present', sort: 'name', limit: 1000 }),
    [],
  );
  const families = [...new Set(parts.map(({ card }) => card.family))];
  const checkpoints = bases?.cards.filter(({ id }) => id !== 'pocket') ?? [];
  const chosenBase =
    base || checkpoints.find(({ family }) => families.includes(family))?.id || checkpoints[0]?.id || '';
  const wanted = name.trim() || proposed(parts, into);
  const isReady =
    parts.length > (into === 'lora' ? 1 : 0) &&
    goodName.test(wanted) &&
    (into === 'lora' || chosenBase !== '');
  const start = async (): Promise<void> => {
    setError(undefined);
    const loras = parts.map(({ card: { id }, strength }) => ({ id, strength }));
    try {
      const job = await api.addJob({
        ...{ kind: 'merge', title: `Merge: ${wanted}` },
        payload:
          into === 'lora'
            ? { into, name: wanted, loras, ...(rank > 0 ? { rank } : {}) }
            : { into, name: wanted, loras, base: chosenBase },
      });
      noteJob(job);
      setJobId(job.id);
    } catch (fault) {
      setError(fault);
    }
  };
  if (jobId) return <Merging id={jobId} />;
  return (
    <Dialog
      title="Merge LoRAs"
      size="wide"
      onClose={close}
      actions={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button kind="primary" disabled={!isReady} onClick={() => void start()}>
            Merge
          </Button>
        </>
      }
    >
      <div class="stack">
        <p class="soft">
          {into === 'lora'
            ? 'One new LoRA that does what all of these do together. Their files stay as they are.'
            : 'A new checkpoint with these LoRAs added into its weights. Their files stay as they are.'}
        </p>
        <ul class="stack tight">
          {parts.map(({ card, strength }) => (
            <li key={card.id} class="merge-part">
              <span class="merge-picture">
                <CardPicture card={card} size="96" />
              </span>
              <div class="grow">
                <Slider
                  label={card.name}
                  value={strength}
                  min={-1}
                  max={2}
                  step={0.05}
                  limit={{ min: -10, max: 10 }}
                  onChange={value =>
                    setParts(
                      parts.map(part => (part.card.id === card.id ? { ...part, strength: value } : part)),
                    )
                  }
                />
              </div>
              <IconButton
                icon="close"
                label={`Leave ${card.name} out`}
                onClick={() => setParts(parts.filter(part => part.card.id !== card.id))}
              />
            </li>
          ))}
        </ul>
        {families.length > 1 && (
          <Finding level="warning">
            These are made for {families.join(' and ')}; only LoRAs of one family can be merged.
          </Finding>
        )}
        <AddPart
          taken={parts.map(({ card }) => card.id)}
          family={families[0]}
          onAdd={card => setParts([...parts, { card, strength: card.strength ?? 1 }])}
        />
        <Segments
          label="Into"
          value={into}
          onChange={setInto}
          options={[
            { value: 'lora', label: 'A new LoRA' },
            { value: 'checkpoint', label: 'A checkpoint' },
          ]}
        />
        <div class="columns">
          <TextField
            label="Name"
            value={name}
            placeholder={proposed(parts, into)}
            onInput={setName}
            error={
              name.trim() && !goodName.test(name.trim())
                ? 'Letters, digits, blanks, dots and dashes.'
                : undefined
            }
          />
          {into === 'lora' ? (
            <NumberField
              label="Rank"
              hint={rank > 0 ? 'Nearest LoRA of this rank.' : '0: exact, the ranks add up.'}
              value={rank}
              min={0}
              max={1024}
              onChange={value => setRank(Math.round(value))}
            />
          ) : (
            <Select
              label="Checkpoint"
              value={chosenBase}
              onChange={setBase}
              options={
                checkpoints.length > 0
                  ? checkpoints.map(({ id, name: label, family }) => ({
                      value: id,
                      label: `${label} (${family})`,
                    }))
                  : [{ value: '', label: 'There is none in the library' }]
              }
            />
          )}
        </div>
        {error !== undefined && <ErrorNote error={error} />}
      </div>
    </Dialog>
  );
}

const proposed = (parts: readonly Part[], into: MergePayload['into']): string =>
  `${parts
    .map(({ card }) => card.name.replace(/[^\p{L}\p{N} .-]+/gu, '-'))
    .join(' + ')
    .replace(/ \+ /g, ' and ')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .slice(0, 60)}${into === 'checkpoint' ? ' merged' : ''}`.trim() || 'merged';

function AddPart({
  taken,
  family,
  onAdd,
}: {
  readonly taken: readonly string[];
  readonly family: string | undefined;
  readonly onAdd: (card: ApiCard) => void;
}) {
  const [text, setText] = useState('');
  const { value } = useLoaded(
    stop =>
      api.cards(
        {
          use: 'lora',
          state: 'present',
          text: text.trim() || undefined,
          limit: 8,
          ...(family ? { family } : {}),
        },
        stop,
      ),
    [text, family],
  );
  const found = (value?.cards ?? []).filter(({ id }) => !taken.includes(id)).slice(0, 5);
  return (
    <div class="stack tight">
      <TextField
        label="Add a LoRA"
        type="search"
        placeholder={family ? `Search LoRAs for ${family}` : 'Search LoRAs'}
        value={text}
        onInput={setText}
      />
      <div class="row wrap">
        {found.map(card => (
          <Button
            key={card.id}
            size="small"
            icon="add"
            onClick={() => {
              onAdd(card);
              setText('');
            }}
          >
            {card.name}
          </Button>
        ))}
        {value && found.length === 0 && <span class="soft small">No other LoRA like this.</span>}
      </div>
    </div>
  );
}

function Merging({ id }: { readonly id: string }) {
  const job = jobs.value.get(id);
  const progress = progressOf(id).value;
  const isDone = job?.state === 'done';
  const { value: whole } = useLoaded(() => api.job(id), [job?.state, libraryChange.value]);
  const cardId = whole?.artefacts.find(artefact => artefact.cardId)?.cardId;
  return (
    <Dialog
      title={job?.title ?? 'Merge'}
      onClose={close}
      actions={
        <>
          {isDone && cardId && (
            <Button
              kind="primary"
              onClick={() => {
                close();
                go(`/library/${cardId}`);
              }}
            >
              Show its card
            </Button>
          )}
          <Button onClick={close}>{isDone ? 'Close' : 'Go on in the background'}</Button>
        </>
      }
    >
      {job?.error && <ErrorNote error={job.error} />}
      {isDone ? (
        <p>It is in the library, in the folder of this studio.</p>
      ) : (
        !job?.error && (
          <Progress
            label="Merging"
            share={progress?.share}
            text={progress?.text ?? (job?.state === 'queued' ? 'Waits for its turn' : 'Begins')}
            secondsLeft={progress?.secondsLeft}
          />
        )
      )}
    </Dialog>
  );
}
