/** @file Runs in lines for people: a list, one of them, several side by side. */
import { dirname, join, relative } from 'node:path';
import type { KeptRun } from '../../training/index.ts';
import { counted, field, number, oneLine, start, table } from '../../workbench/index.ts';
import { blockChart } from './block-chart.ts';
import type { Difference } from './differences.ts';
import {
  factsOf,
  type RunFacts,
  runName,
  showBest,
  showLoss,
  showPace,
  showSteps,
  showTime,
} from './run-facts.ts';

const statusText = ({ status, isResumable }: RunFacts): string =>
  isResumable && status !== 'running' ? `${status}; --resume goes on with it` : status;

/** One line a run, in the order given. */
export function describeRuns(runs: readonly RunFacts[]): string[] {
  const head = [
    'run',
    'status',
    'steps',
    'loss',
    'best validation',
    'pictures',
    'base',
    'started (UTC)',
    'in',
  ];
  const rows = runs.map(facts => [
    start(oneLine(facts.name), 32),
    facts.status,
    showSteps(facts),
    showLoss(facts.loss),
    showBest(facts),
    String(facts.pictures ?? '—'),
    start(oneLine(facts.base ?? '—'), 20),
    showTime(facts.startedAt),
    oneLine(relative('.', dirname(facts.folder)) || '.'),
  ]);
  return table([head, ...rows], [2, 3, 5]);
}

function previewLines({ previews, folder }: KeptRun): string[] {
  if (previews.length === 0) return [];
  const names = new Set(previews.map(({ name }) => name));
  const steps = new Set(previews.map(({ step }) => step).filter(step => step > 0));
  const said = `${counted(names.size, 'prompt')} at ${counted(steps.size, 'step')}, in ${join(folder, 'previews')}`;
  return field('previews', said);
}

function validationLines({ validations }: KeptRun, { best }: RunFacts): string[] {
  const last = validations.at(-1);
  if (!last || !best) return [];
  const at = validations.find(({ step }) => step === best.step);
  const interval =
    at?.low === undefined || at.high === undefined ? '' : ` (${number(at.low)} to ${number(at.high)})`;
  return field(
    'validation',
    `best ${number(best.validation)}${interval} at step ${best.step}, last ${number(last.validation)} at step ${last.step}`,
  );
}

function lossChart({ steps }: KeptRun): string[] {
  if (steps.length < 2) return [];
  const values = steps.map(({ smoothed }) => smoothed);
  const chart = blockChart({ values, from: `step ${steps[0].step}`, to: `${steps[steps.length - 1].step}` });
  return ['', '  smoothed loss', ...chart.map(text => `  ${text}`)];
}

/** The latest of many events are shown. */
const mostEvents = 8;

export function describeRun(run: KeptRun): string[] {
  const { manifest, folder, events, eventFile } = run;
  const facts = factsOf(run);
  const { result, data, base, device, code } = manifest;
  const ended = facts.finishedAt === null ? '' : `, ended ${showTime(facts.finishedAt)}`;
  const resumed = manifest.resumed.length > 0 ? `, resumed ${counted(manifest.resumed.length, 'time')}` : '';
  const files = [result?.file, result?.bestFile].filter(name => typeof name === 'string');
  return [
    `${oneLine(facts.name)}: ${statusText(facts)}`,
    ...field('steps', `${showSteps(facts)}${showPace(facts.secondsPerStep)}`),
    ...field('times', `started ${showTime(facts.startedAt)}${ended} (UTC)${resumed}`),
    ...field(
      'loss',
      `${showLoss(facts.loss)} smoothed, in the last step ${showLoss(run.steps.at(-1)?.loss ?? null)}`,
    ),
    ...validationLines(run, facts),
    ...field('data', `${counted(data.pictures.length, 'picture')} of ${data.folder}`),
    ...field('base', `${base.name} (${base.family})`),
    ...field('device', `${device}, ${code.name} ${code.version}`),
    ...(files.length > 0 ? field('file', files.join(', ')) : []),
    ...(typeof result?.message === 'string' ? field('result', result.message) : []),
    ...previewLines(run),
    ...(eventFile ? field('curves', `tensorboard --logdir ${folder}`) : []),
    ...events
      .slice(-mostEvents)
      .flatMap(({ step, kind, message }) => field(`step ${step}`, `${kind}: ${message}`)),
    ...(events.length > mostEvents ? [`  (${events.length - mostEvents} earlier events in log.jsonl)`] : []),
    ...lossChart(run),
  ];
}

/** What differs, one field a line, one run a column. */
export function describeDifferences(runs: readonly KeptRun[], differences: readonly Difference[]): string[] {
  const names = runs.map(({ folder }) => start(runName(folder), 24));
  const facts = runs.map(factsOf);
  const figures: [string, (run: RunFacts) => string][] = [
    ['status', ({ status }) => status],
    ['steps', showSteps],
    ['loss', ({ loss }) => showLoss(loss)],
    ['best validation', showBest],
    ['time a step', ({ secondsPerStep }) => showPace(secondsPerStep).replace(/^, | a step$/g, '') || '—'],
  ];
  const rows = [
    ['', ...names],
    ...figures.map(([name, show]) => [name, ...facts.map(show)]),
    ...differences.map(({ field: name, values }) => [
      name,
      ...values.map(value => start(oneLine(value ?? '—'), 36)),
    ]),
  ];
  const said = differences.length === 0 ? ['', 'recipe, data and base are the same'] : [];
  return [...table(rows), ...said];
}
