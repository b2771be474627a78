/** @file What the plan of a run says, as the page shows it: the few values that people ask for, each with its reason. */

export interface PlanField {
  readonly group: string;
  readonly field: string;
  readonly value: unknown;
  /** As people read it. */
  readonly shown: string;
  /** Where it comes from: `default`, `goal`, `flag` … */
  readonly origin: { readonly from: string };
  readonly why: string;
}

export interface PlanAdvice {
  readonly code: string;
  readonly field: string;
  readonly message: string;
}

/** The answer of the job `plan`, as far as the page looks at it. */
export interface Plan {
  readonly base: string;
  readonly family: string;
  readonly pictures: number;
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  readonly epochs: number;
  readonly layers: number;
  readonly trainedParameters: number;
  readonly predictedFileBytes: number;
  readonly predictedPeakBytes: number;
  readonly predictedStepSeconds: number | null;
  readonly predictedRunSeconds: number | null;
  readonly fields: readonly PlanField[];
  readonly advice: readonly PlanAdvice[];
}

/** The plan of an ended job; undefined for anything else. */
export function planOf(result: unknown): Plan | undefined {
  const plan = result as Partial<Plan> | undefined;
  return Array.isArray(plan?.fields) && Array.isArray(plan.advice) ? (plan as Plan) : undefined;
}

export const planValue = ({ fields }: Pick<Plan, 'fields'>, field: string): unknown =>
  fields.find(one => one.field === field)?.value;

const numberOf = (plan: Plan, field: string): number => Number(planValue(plan, field) ?? 0);

export interface SummaryRow {
  /** Fields of the recipe that it tells of; the first is where it is changed. */
  readonly field: string;
  readonly label: string;
  readonly value: string;
  readonly why: string;
  readonly isOwn: boolean;
}

interface Row {
  readonly field: string;
  readonly label: string;
  readonly text: (plan: Plan) => string | undefined;
}

const share = (x: number): string => `${Math.round(100 * x)} %`;

const rows: readonly Row[] = [
  {
    ...{ field: 'steps', label: 'Steps' },
    text: plan =>
      `${numberOf(plan, 'steps')} (each picture ${Math.round(plan.epochs * repeatsOf(plan))} times)`,
  },
  {
    ...{ field: 'batch', label: 'Batch' },
    text: plan => {
      const [batch, accumulate] = [numberOf(plan, 'batch'), numberOf(plan, 'accumulate')];
      const pictures = `${batch} ${batch === 1 ? 'picture' : 'pictures'} a step`;
      return accumulate > 1 ? `${pictures}, gradients of ${accumulate} added` : pictures;
    },
  },
  { ...{ field: 'resolution', label: 'Size' }, text: plan => shownOf(plan, 'resolution')?.replace('x', '×') },
  {
    ...{ field: 'rank', label: 'Rank' },
    text: plan => `${shownOf(plan, 'rank')}, alpha ${shownOf(plan, 'alpha')}`,
  },
  {
    ...{ field: 'learningRate', label: 'Rate' },
    text: plan =>
      `${shownOf(plan, 'learningRate')}, ${shownOf(plan, 'schedule')}, ${shownOf(plan, 'optimizer')}`,
  },
  { ...{ field: 'targets', label: 'Layers' }, text: plan => `${shownOf(plan, 'targets')} (${plan.layers})` },
  {
    ...{ field: 'textTargets', label: 'Text encoder' },
    text: plan => (planValue(plan, 'textTargets') === null ? 'not trained' : shownOf(plan, 'textTargets')),
  },
  {
    ...{ field: 'flip', label: 'Mirrored' },
    text: plan => (planValue(plan, 'flip') ? 'half of the time' : 'never'),
  },
  {
    ...{ field: 'validationShare', label: 'Held out' },
    text(plan) {
      const [part, patience] = [numberOf(plan, 'validationShare'), numberOf(plan, 'patience')];
      if (part === 0) return 'none';
      return `${share(part)} of the pictures${patience > 0 ? `; stops after ${patience} looks without progress` : ''}`;
    },
  },
];

const shownOf = ({ fields }: Plan, field: string): string | undefined =>
  fields.find(one => one.field === field)?.shown;

/** An epoch shows each picture so often. */
const repeatsOf = (plan: Plan): number => Math.max(1, numberOf(plan, 'repeats'));

/** `goal style: the words stay …` → `the words stay …`; defaults need no reason. */
export const shortWhy = (why: string): string =>
  why === 'default' ? 'as usual' : why.replace(/^goal \w+: /, '');

const isOwn = ({ origin }: PlanField): boolean => origin.from === 'flag';

/** The recipe in a few lines. */
export function summaryOf(plan: Plan): SummaryRow[] {
  return rows.flatMap(({ field, label, text }) => {
    const found = plan.fields.find(one => one.field === field);
    const value = text(plan);
    if (!found || value === undefined) return [];
    return [
      { field, label, value, why: isOwn(found) ? 'your choice' : shortWhy(found.why), isOwn: isOwn(found) },
    ];
  });
}

/** `about 2 min`; nothing where it cannot be told. */
export const forecastSeconds = ({ predictedRunSeconds }: Plan): number | undefined =>
  predictedRunSeconds ?? undefined;

export type MemoryVerdict = 'fits' | 'tight' | 'short';

/** Whether it goes into what is free now. */
export function memoryVerdict(
  { predictedPeakBytes }: Plan,
  available: number | undefined,
): MemoryVerdict | undefined {
  if (available === undefined) return undefined;
  if (predictedPeakBytes > available) return 'short';
  return predictedPeakBytes > 0.8 * available ? 'tight' : 'fits';
}
