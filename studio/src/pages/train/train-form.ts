/** @file The form of a new run: what is said, what follows from it, and the payload of its job. */
import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type {
  ApiDataset,
  ApiWholeDataset,
  PlanPayload,
  TrainPayload,
} from '../../../../src/server/api-types.ts';
import { isAbort } from '../../api/client.ts';
import { api } from '../../api/routes.ts';
import { settings } from '../../api/state.ts';
import { keptPurpose } from '../data/kept-purpose.ts';
import { askLook } from '../data/look.ts';
import { type ReportState, watchReport } from '../data/report-state.ts';
import { exampleRun } from './example-runs.ts';
import { proposeName } from './lora-name.ts';
import { type Plan, planOf } from './plan-view.ts';
import { proposePrompts } from './preview-prompts.ts';
import type { ChangedFields } from './recipe-form.ts';
import type { EarlierRun } from './run-payload.ts';

type Goal = NonNullable<TrainPayload['goal']>;

export interface PlanState {
  readonly value?: Plan | undefined;
  readonly error?: unknown;
  readonly isAsking: boolean;
}

export interface TrainForm {
  readonly base: Signal<string>;
  readonly dataset: Signal<string>;
  readonly goal: Signal<Goal | undefined>;
  readonly trigger: Signal<string>;
  /** Undefined: the one that is proposed. */
  readonly ownName: Signal<string | undefined>;
  readonly name: ReadonlySignal<string>;
  readonly recipe: Signal<ChangedFields>;
  /** Fields that the example chooses, as far as nothing else is said. */
  readonly exampleFields: ReadonlySignal<ReadonlySet<string>>;
  readonly isExample: ReadonlySignal<boolean>;
  /** Undefined: those that are proposed. */
  readonly ownPrompts: Signal<readonly string[] | undefined>;
  readonly prompts: ReadonlySignal<readonly string[]>;
  /** Undefined: about ten times in a run. */
  readonly ownPreviewEvery: Signal<number | undefined>;
  readonly previewEvery: ReadonlySignal<number>;
  readonly memory: Signal<number | undefined>;
  readonly continueFrom: Signal<string | undefined>;
  readonly card: Signal<TrainPayload['card']>;
  readonly datasets: Signal<readonly ApiDataset[] | undefined>;
  readonly whole: Signal<ApiWholeDataset | undefined>;
  readonly takenNames: Signal<ReadonlySet<string>>;
  readonly plan: ReadonlySignal<PlanState>;
  readonly report: ReadonlySignal<ReportState>;
  readonly payload: ReadonlySignal<TrainPayload | undefined>;
  choose(
    dataset: string,
    said?: { readonly goal?: string | undefined; readonly trigger?: string | undefined },
  ): void;
  /** Everything that an earlier run was asked for, under a name of its own. */
  takeOver(run: EarlierRun): void;
  close(): void;
}

const isGoal = (text: string | undefined): text is Goal =>
  text === 'character' || text === 'style' || text === 'object' || text === 'subject';

/** In tens, about eight times in a run. */
const usualPreviewEvery = (steps: number): number => Math.max(10, Math.round(steps / 80) * 10);

const moment = 500;

export function openTrainForm(): TrainForm {
  const base = signal(settings.peek()?.base || 'pocket');
  const dataset = signal('');
  const goal = signal<Goal | undefined>(undefined);
  const trigger = signal('');
  const ownName = signal<string | undefined>(undefined);
  const recipe = signal<ChangedFields>({});
  const ownPrompts = signal<readonly string[] | undefined>(undefined);
  const ownPreviewEvery = signal<number | undefined>(undefined);
  const memory = signal<number | undefined>(undefined);
  const continueFrom = signal<string | undefined>(undefined);
  const card = signal<TrainPayload['card']>({});
  const datasets = signal<readonly ApiDataset[] | undefined>(undefined);
  const whole = signal<ApiWholeDataset | undefined>(undefined);
  const takenNames = signal<ReadonlySet<string>>(new Set());
  const plan = signal<PlanState>({ isAsking: false });

  const example = computed(() => exampleRun(dataset.value, base.value));
  const isExample = computed(() => whole.value?.origin === 'example');
  const exampleFields = computed(
    () =>
      new Set(Object.keys(example.value?.recipe ?? {}).filter(field => !Object.hasOwn(recipe.value, field))),
  );
  const name = computed(
    () =>
      ownName.value ??
      proposeName([example.value?.name ?? '', trigger.value, whole.value?.name ?? ''], takenNames.value),
  );
  const prompts = computed(
    () =>
      ownPrompts.value ??
      example.value?.prompts ??
      proposePrompts({
        captions: (whole.value?.items ?? []).map(({ caption }) => caption),
        trigger: trigger.value,
        isSmallBase: base.value === 'pocket',
      }),
  );
  const plannedSteps = computed(() => {
    const steps = plan.value.value?.fields.find(({ field }) => field === 'steps')?.value;
    return typeof steps === 'number' ? steps : undefined;
  });
  const previewEvery = computed(
    () =>
      ownPreviewEvery.value ?? example.value?.previewEvery ?? usualPreviewEvery(plannedSteps.value ?? 800),
  );
  /** Without what depends on the plan, or the plan would be asked for by its own answer. */
  const asked = computed<PlanPayload | undefined>(() => {
    if (dataset.value === '') return undefined;
    return {
      ...{ base: base.value, dataset: dataset.value, previewPrompts: [], previewEvery: 0 },
      recipe: { ...example.value?.recipe, ...recipe.value },
      ...(goal.value ? { goal: goal.value } : {}),
      ...(trigger.value.trim() ? { trigger: trigger.value.trim() } : {}),
      ...(memory.value === undefined ? {} : { memory: memory.value }),
      ...(continueFrom.value === undefined ? {} : { continueFrom: continueFrom.value }),
    };
  });
  const payload = computed<TrainPayload | undefined>(() => {
    if (!asked.value) return undefined;
    const wanted = prompts.value.filter(line => line.trim() !== '').slice(0, 8);
    return {
      ...asked.value,
      name: name.value.trim(),
      previewPrompts: [...wanted],
      previewEvery: wanted.length > 0 ? previewEvery.value : 0,
      card: card.value,
    };
  });

  let stop = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const askPlan = async (wish: PlanPayload): Promise<void> => {
    stop.abort();
    stop = new AbortController();
    const own = stop.signal;
    try {
      const result = await askLook('plan', wish, { signal: own });
      if (!own.aborted) plan.value = { value: planOf(result), isAsking: false };
    } catch (error) {
      if (!own.aborted && !isAbort(error)) plan.value = { value: plan.peek().value, error, isAsking: false };
    }
  };
  const key = computed(() => JSON.stringify(asked.value));
  const endPlans = effect(() => {
    const wish = key.value;
    clearTimeout(timer);
    if (wish === undefined) return;
    plan.value = { value: plan.peek().value, isAsking: true };
    timer = setTimeout(() => void askPlan(JSON.parse(wish)), moment);
  });
  const report = watchReport(() => ({
    ...{ dataset: dataset.peek(), base: base.peek() },
    ...(goal.peek() ? { goal: goal.peek() } : {}),
    ...(trigger.peek().trim() ? { trigger: trigger.peek().trim() } : {}),
  }));
  const reportKey = computed(() => JSON.stringify([dataset.value, base.value, goal.value, trigger.value]));
  const endReports = effect(() => {
    if (reportKey.value && dataset.peek() !== '') report.askSoon(1200);
  });
  const readDataset = async (id: string): Promise<void> => {
    const read = await api.dataset(id).catch(() => undefined);
    if (dataset.peek() === id) whole.value = read;
  };

  const choose: TrainForm['choose'] = (id, said = {}) => {
    const suggestion = datasets.peek()?.find(one => one.id === id)?.suggestion;
    const kept = keptPurpose(id);
    const wanted = said.goal ?? (kept.goal || suggestion?.goal);
    batch(() => {
      dataset.value = id;
      whole.value = undefined;
      ownPrompts.value = undefined;
      if (isGoal(wanted)) goal.value = wanted;
      trigger.value = said.trigger ?? kept.trigger ?? suggestion?.trigger ?? '';
    });
    void readDataset(id);
  };
  const takeOver = (run: EarlierRun): void =>
    batch(() => {
      choose(run.dataset);
      base.value = run.base ?? base.peek();
      goal.value = run.goal;
      trigger.value = run.trigger ?? '';
      ownName.value = run.name === undefined ? undefined : proposeName([run.name], takenNames.peek());
      recipe.value = run.recipe ?? {};
      ownPrompts.value = run.previewPrompts;
      ownPreviewEvery.value = run.previewEvery;
      memory.value = run.memory;
      continueFrom.value = run.continueFrom;
      card.value = run.card ?? {};
    });

  return {
    ...{
      base,
      dataset,
      goal,
      trigger,
      ownName,
      name,
      recipe,
      ownPrompts,
      prompts,
      ownPreviewEvery,
      previewEvery,
    },
    ...{ exampleFields, isExample },
    ...{ memory, continueFrom, card, datasets, whole, takenNames, plan, payload, report: report.state },
    ...{ choose, takeOver },
    close() {
      endPlans();
      endReports();
      clearTimeout(timer);
      stop.abort();
      report.close();
    },
  };
}
