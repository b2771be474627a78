/** @file Putting a grid together: the picture at one side, what varies at the other; how many pictures and how long. */
import { useEffect, useState } from 'preact/hooks';
import { api } from '../../api/routes.ts';
import { noteJob } from '../../api/state.ts';
import {
  Button,
  count,
  duration,
  ErrorNote,
  KeyHint,
  LinkButton,
  Section,
  takesStart,
  useLoaded,
} from '../../parts/index.ts';
import { PageHead } from '../../shell/page-head.tsx';
import { go } from '../../shell/router.ts';
import { familyOf, startCatalogue } from '../generate/catalogue.ts';
import { form } from '../generate/form.ts';
import { addLoraById, LoraList } from '../generate/lora-list.tsx';
import { payloadOf } from '../generate/payload.ts';
import { PromptFields } from '../generate/prompt-fields.tsx';
import { BaseField, SizeFields, StepFields } from '../generate/settings-fields.tsx';
import { type AxisForm, axes, axisText, countAxis, newAxis, seriesStem, stemOf } from './axes.ts';
import { AxisEditor } from './axis-editor.tsx';
import { kindOf } from './axis-kinds.ts';
import { EarlierGrids } from './earlier-grids.tsx';
import { secondsOfPicture } from './estimate.ts';

const places = ['From left to right', 'From top to bottom', 'A sheet for each', 'A sheet for each, too'];
const mostCells = 10_000;

/** The form as a comparison holds it: one picture, whatever the form's number says. */
function picturePayload() {
  const { count: _, ...picture } = payloadOf(form.value);
  return picture;
}

/** How another page sends a LoRA here. */
async function takeLora(id: string, what: string | null): Promise<void> {
  const card = await api.card(id).catch(() => undefined);
  if (card?.use !== 'lora') return;
  form.value = { ...form.peek(), loras: form.peek().loras.filter(lora => lora.id === id) };
  await addLoraById(id);
  const chosen = { id, name: card.name, stem: seriesStem(card.fileName) };
  if (what === 'epochs') axes.value = [newAxis('epoch', { loras: [chosen] })];
  else if (what === 'without')
    axes.value = [newAxis('lora', { loras: [{ ...chosen, stem: stemOf(card.fileName) }] })];
  else axes.value = [newAxis('strength', { range: { from: 0, to: 1.2, count: 4 } })];
}

export function NewGrid({ query }: { readonly query: URLSearchParams }) {
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const lora = query.get('lora');
  const what = query.get('axis');
  useEffect(startCatalogue, []);
  useEffect(() => {
    if (lora) void takeLora(lora, what).then(() => history.replaceState(null, '', '#/compare'));
  }, [lora, what]);
  const problem = problemOf(axes.value);
  const start = async (): Promise<void> => {
    if (isBusy || problem) return;
    setBusy(true);
    setError(undefined);
    const [x, y, ...z] = axes.peek().map(axisText);
    try {
      const job = await api.addJob({
        ...{ kind: 'compare', title: titleOf() },
        payload: { picture: picturePayload(), x, ...(y ? { y } : {}), z },
      });
      noteJob(job);
      go(`/compare/${job.id}`);
    } catch (fault) {
      setError(fault);
      setBusy(false);
    }
  };
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (takesStart(event) && !isBusy) void start();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  });
  return (
    <div class="page compare">
      <PageHead
        title="Compare"
        text="One picture, drawn with everything that you want to weigh against each other."
      />
      <div class="compare-columns">
        <section class="panel stack" aria-labelledby="varies">
          <h2 id="varies">What varies</h2>
          <Axes />
          <StartBar problem={problem} isBusy={isBusy} onStart={() => void start()} />
          {error !== undefined && <ErrorNote error={error} />}
        </section>
        <section class="panel stack" aria-labelledby="stays">
          <div>
            <h2 id="stays">What stays</h2>
            <p class="small soft">The picture of Generate: what is changed here is changed there.</p>
          </div>
          <PromptFields />
          <LoraList />
          <Section title="Settings" summary={settingsWords()}>
            <div class="stack">
              <BaseField />
              <SizeFields />
              <StepFields />
            </div>
          </Section>
        </section>
      </div>
      <EarlierGrids />
    </div>
  );
}

function settingsWords(): string {
  const { base, width, height, steps, sampler, seed } = form.value;
  return [
    base ? familyOf(base) || base : '',
    `${width} × ${height}`,
    `${steps} steps`,
    sampler,
    seed && `seed ${seed}`,
  ]
    .filter(Boolean)
    .join(' · ');
}

function titleOf(): string {
  const what = axes
    .peek()
    .map(({ kind }) => kindOf(kind).label)
    .join(' × ');
  const prompt = form.peek().prompt.trim();
  return `${what}${prompt ? `: ${prompt}` : ''}`.slice(0, 120);
}

/** What keeps the grid from being drawn, as far as it is plain before it is tried. */
function problemOf(list: readonly AxisForm[]): string | undefined {
  for (const axis of list) {
    const counted = countAxis(axis);
    if ('error' in counted)
      return `${kindOf(axis.kind).label}: ${counted.error.charAt(0).toLowerCase()}${counted.error.slice(1)}.`;
  }
  const twice = list.find(
    ({ kind }, i) => kind !== 'S/R' && list.slice(0, i).some(other => other.kind === kind),
  );
  if (twice) return `${kindOf(twice.kind).label} stands there twice.`;
  const brings = list.some(({ kind }) => kind === 'epoch' || kind === 'lora');
  const hasLora =
    brings || form.value.loras.some(({ isOn }) => isOn) || /<(?:lora|lyco):/i.test(form.value.prompt);
  const needs = list.find(({ kind }) => kindOf(kind).isOfLora && kind !== 'epoch' && kind !== 'lora');
  if (needs && !hasLora) return `${kindOf(needs.kind).label} is about a LoRA: add one at “What stays”.`;
  if (cellsOf(list) > mostCells)
    return `That is ${count(cellsOf(list), 'picture')}; a grid has up to ${count(mostCells, 'picture')}.`;
  return undefined;
}

const cellsOf = (list: readonly AxisForm[]): number =>
  list.reduce((product, axis) => {
    const counted = countAxis(axis);
    return product * ('error' in counted ? 1 : counted.count);
  }, 1);

function Axes() {
  const list = axes.value;
  return (
    <>
      {list.map((axis, i) => (
        <AxisEditor
          key={axis.key}
          axis={axis}
          place={places[i] ?? 'A sheet for each, too'}
          onRemove={list.length > 1 ? () => void removeAxis(axis.key) : undefined}
        />
      ))}
      <div class="row wrap">
        {list.length < 6 && (
          <Button kind="quiet" size="small" icon="add" onClick={addAxis}>
            {list.length === 1 ? 'Vary a second thing' : 'Vary one more'}
          </Button>
        )}
        {list.length === 2 && (
          <Button
            kind="quiet"
            size="small"
            icon="swap"
            onClick={() => {
              axes.value = axes.peek().toReversed();
            }}
          >
            Swap rows and columns
          </Button>
        )}
      </div>
    </>
  );
}

function removeAxis(key: number): void {
  axes.value = axes.peek().filter(axis => axis.key !== key);
}

function addAxis(): void {
  const used = new Set(axes.peek().map(({ kind }) => kind));
  const next =
    ['strength', 'seed', 'guidance', 'steps', 'S/R', 'sampler'].find(kind => !used.has(kind)) ?? 'seed';
  axes.value = [...axes.peek(), newAxis(next, next === 'seed' ? { text: '1-3' } : {})];
}

function StartBar({
  problem,
  isBusy,
  onStart,
}: {
  readonly problem: string | undefined;
  readonly isBusy: boolean;
  readonly onStart: () => void;
}) {
  const { base, width, height, steps } = form.value;
  const { value: seconds } = useLoaded(
    stop => secondsOfPicture({ base, width, height, steps }, stop),
    [base, width, height, steps],
  );
  const pictures = cellsOf(axes.value);
  return (
    <div class="compare-start">
      <p class="grow" role="status">
        {problem ? (
          <span class="soft">{problem}</span>
        ) : (
          <>
            <b class="numbers">{count(pictures, 'picture')}</b>
            <span class="soft">
              {seconds === undefined
                ? ' · how long is known after the first'
                : ` · about ${duration(Math.max(1, pictures * seconds))}`}
            </span>
          </>
        )}
      </p>
      <Button kind="primary" size="large" isBusy={isBusy} disabled={problem !== undefined} onClick={onStart}>
        Draw the grid <KeyHint keys="mod+enter" />
      </Button>
    </div>
  );
}

export function AgainLink() {
  return (
    <nav class="card-way" aria-label="Back">
      <LinkButton href="#/compare" kind="quiet" icon="left">
        Compare
      </LinkButton>
    </nav>
  );
}
