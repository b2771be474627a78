/** @file A new run, in one column that reads from top to bottom: pictures, goal, word, name; what follows; start. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { ApiError } from '../../api/client.ts';
import { api } from '../../api/routes.ts';
import { noteJob } from '../../api/state.ts';
import {
  Button,
  bytes,
  duration,
  ErrorNote,
  KeyHint,
  Section,
  Spinner,
  TextField,
  takesStart,
} from '../../parts/index.ts';
import { PageHead } from '../../shell/page-head.tsx';
import { go } from '../../shell/router.ts';
import { runPath } from '../data/addresses.ts';
import { AllSettings } from './all-settings.tsx';
import { BaseField } from './base-field.tsx';
import { CardFields } from './card-fields.tsx';
import { DatasetChoice } from './dataset-choice.tsx';
import { GoalCards } from './goal-cards.tsx';
import { nameFault } from './lora-name.ts';
import { PlanSummary } from './plan-summary.tsx';
import { forecastSeconds } from './plan-view.ts';
import { PromptFields } from './prompt-fields.tsx';
import { earlierRun } from './run-payload.ts';
import { openTrainForm, type TrainForm } from './train-form.ts';
import { TriggerField } from './trigger-field.tsx';

async function readChoices(form: TrainForm, query: URLSearchParams): Promise<void> {
  const [{ datasets }, loras, runs] = await Promise.all([
    api.datasets(),
    api.cards({ use: 'lora', limit: 1000 }).catch(() => ({ cards: [] })),
    api.jobs({ kind: 'train', limit: 200 }).catch(() => ({ jobs: [] })),
  ]);
  form.takenNames.value = new Set([
    ...loras.cards.map(({ name }) => name),
    ...runs.jobs.map(({ title }) => title),
  ]);
  form.datasets.value = datasets;
  const from = query.get('from');
  const earlier = from ? earlierRun((await api.job(from)).payload) : undefined;
  if (earlier) return form.takeOver(earlier);
  const wanted =
    query.get('dataset') ?? datasets.find(({ origin, pictures }) => origin === 'own' && pictures > 0)?.id;
  const first = wanted ?? datasets.find(({ pictures }) => pictures > 0)?.id;
  if (first === undefined) return;
  form.choose(first, { goal: query.get('goal') ?? undefined, trigger: query.get('trigger') ?? undefined });
}

/** What was filled in stays while other pages are looked at, until a run was started with it. */
let kept: { readonly key: string; readonly form: TrainForm } | undefined;

function formFor(key: string): { readonly form: TrainForm; readonly isNew: boolean } {
  if (kept?.key === key && kept.form.datasets.peek()) return { form: kept.form, isNew: false };
  kept?.form.close();
  kept = { key, form: openTrainForm() };
  return { form: kept.form, isNew: true };
}

function forgetForm(): void {
  kept?.form.close();
  kept = undefined;
}

export function NewRunPage({ query }: { readonly query: URLSearchParams }) {
  const key = query.toString();
  const { form, isNew } = useMemo(() => formFor(key), [key]);
  const error = useSignal<unknown>(undefined);
  useEffect(() => {
    if (isNew)
      readChoices(form, query).catch((fault: unknown) => {
        error.value = fault;
      });
  }, [form, key]);
  return (
    <div class="page narrow train-form">
      <PageHead title="Train a LoRA" text={<a href="#/train">All runs</a>} />
      <ErrorNote error={error.value} />
      {form.datasets.value ? <RunForm form={form} /> : !error.value && <Spinner label="Reading data sets" />}
    </div>
  );
}

function RunForm({ form }: { readonly form: TrainForm }) {
  const error = useSignal<unknown>(undefined);
  const isBusy = useSignal(false);
  const start = async (): Promise<void> => {
    if (isBusy.peek() || isRefused(form)) return;
    const payload = form.payload.peek();
    const fault = nameFault(form.name.peek());
    if (!payload || fault) {
      error.value = new Error(fault ?? 'Choose pictures to train on.');
      return;
    }
    isBusy.value = true;
    error.value = undefined;
    try {
      const job = await api.addJob({ kind: 'train', title: payload.name, payload });
      noteJob(job);
      forgetForm();
      go(runPath(job.id));
    } catch (refused) {
      error.value = refused;
      isBusy.value = false;
    }
  };
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (takesStart(event)) void start();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  });
  const fault = form.ownName.value === undefined ? undefined : nameFault(form.name.value);
  return (
    <form
      class="stack loose"
      aria-label="A new run"
      onSubmit={event => {
        event.preventDefault();
        void start();
      }}
    >
      <DatasetChoice form={form} />
      <GoalCards form={form} />
      <div class="form-part columns two">
        <TriggerField form={form} />
        <TextField
          label="Name of the LoRA"
          value={form.name.value}
          error={fault}
          maxLength={80}
          onInput={text => {
            form.ownName.value = text;
          }}
        />
      </div>
      <PlanSummary form={form} />
      <div>
        <Section title="Pictures on the way" summary={promptSummary(form)}>
          <PromptFields form={form} />
        </Section>
        <Section title="Base model and memory" summary={baseSummary(form)}>
          <BaseField form={form} />
        </Section>
        <Section title="For the file" summary={form.card.value.description ?? 'description, author, licence'}>
          <CardFields form={form} />
        </Section>
        <AllSettings form={form} />
      </div>
      <div class="start-bar">
        <ErrorNote error={error.value} />
        <div class="row spread wrap">
          <Forecast form={form} />
          <Button
            kind="primary"
            size="large"
            icon="play"
            isBusy={isBusy.value}
            disabled={!form.payload.value || isRefused(form)}
            type="submit"
          >
            Start training <KeyHint keys="mod+enter" />
          </Button>
        </div>
      </div>
    </form>
  );
}

/** The plan says that it cannot be, and why; a fault of the machine is no reason not to try. */
const isRefused = ({ plan }: TrainForm): boolean => {
  const { error, isAsking } = plan.value;
  return !isAsking && error instanceof ApiError && /^(?:RECIPE|DATASET|GOAL)_/.test(error.code);
};

const promptSummary = ({ prompts, previewEvery }: TrainForm): string =>
  prompts.value.length === 0 ? 'none' : `${prompts.value.length} prompts, every ${previewEvery.value} steps`;

const baseSummary = ({ base, plan, memory }: TrainForm): string =>
  [plan.value.value?.base ?? base.value, memory.value ? `within ${bytes(memory.value)}` : '']
    .filter(Boolean)
    .join(', ');

function Forecast({ form }: { readonly form: TrainForm }) {
  const { value, isAsking } = form.plan.value;
  if (!value) return <p class="soft small">{isAsking ? 'Working out how long it takes …' : ''}</p>;
  const seconds = forecastSeconds(value);
  return (
    <p class={`forecast numbers ${isAsking ? 'old' : ''}`} role="status">
      {seconds !== undefined && <b>about {duration(seconds)}</b>}
      <span class="soft small">
        {bytes(value.predictedPeakBytes)} of memory, a file of {bytes(value.predictedFileBytes)}
      </span>
    </p>
  );
}
