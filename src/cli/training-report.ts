/** @file What a training run tells its user: progress while it goes, a summary when it ends. */
import type { Examined, Progress, TrainResult } from '../training/index.ts';
import { bar, runSummary, showBytes, showSeconds } from '../workbench/index.ts';
import type { Terminal } from './terminal.ts';

/** More of a kind than this are counted, not listed. */
const mostNotes = 10;

function noteAll(terminal: Terminal, lines: readonly string[], what: string): void {
  for (const line of lines.slice(0, mostNotes)) terminal.note(line);
  if (lines.length > mostNotes)
    terminal.note(`and ${lines.length - mostNotes} more ${what} (--json lists all)`);
}

/** 0.00012 → `1.2e-4` */
const showRate = (rate: number): string => rate.toExponential(1).replace('e+0', '').replace('.0e', 'e');

/** Turns progress into lines; the loss shown is the mean of the last 20 steps. */
export function trainingProgress(terminal: Terminal): (progress: Progress) => void {
  const recent: number[] = [];
  let heldOut = '';
  return progress => {
    switch (progress.phase) {
      case 'scan':
        return terminal.progress(`reading pictures ${progress.done}/${progress.total}`);
      case 'latents':
        return terminal.progress(`encoding pictures ${progress.done}/${progress.total}`);
      case 'captions':
        return terminal.progress(`encoding captions ${progress.done}/${progress.total}`);
      case 'scanned': {
        const { skipped, warnings } = progress.scan;
        const left = skipped.map(({ path, reason }) => `left out: ${path}: ${reason}`);
        noteAll(terminal, left, 'left out');
        const warned = warnings.map(({ message }) => `warning: ${message}`);
        return noteAll(terminal, warned, 'warnings');
      }
      case 'warning':
        return terminal.note(`warning: ${progress.warning.message}`);
      case 'start':
        return terminal.note(describeStart(progress));
      case 'step': {
        recent.push(progress.loss);
        if (recent.length > 20) recent.shift();
        const loss = recent.reduce((a, b) => a + b, 0) / recent.length;
        const { step, steps, rate, secondsLeft } = progress;
        const facts = [
          `step ${step}/${steps}`,
          bar(step, steps, 16).padEnd(16, '·'),
          `loss ${loss.toFixed(4)}${heldOut}${describeScaled(progress)}`,
          `rate ${showRate(rate)}`,
          showBytes(process.memoryUsage.rss()),
          `${showSeconds(secondsLeft)} left`,
        ];
        return terminal.progress(facts.join('  '));
      }
      case 'look': {
        const { look, isBest, reason } = progress;
        heldOut = `, held-out ${look.loss.toFixed(4)}`;
        const range = Number.isFinite(look.high - look.low)
          ? ` (95 %: ${look.low.toFixed(4)} to ${look.high.toFixed(4)})`
          : '';
        const what =
          look.step === 0 ? 'held-out pictures, base without LoRA' : `held-out pictures, step ${look.step}`;
        return terminal.note(
          `${what}: loss ${look.loss.toFixed(4)}${range}${isBest ? ', the best so far' : `; ${reason}`}`,
        );
      }
      case 'examining':
        return terminal.progress('examining the LoRA');
      case 'folds':
        return terminal.note(`short run ${progress.done} of ${progress.total} is done`);
      case 'preview':
        return terminal.note(`previews: ${progress.path}`);
      case 'saved':
        return terminal.note(`saved ${progress.path}`);
    }
  };
}

/** Layers that `--scale-weight-norms` held back in the last step. */
const describeScaled = ({ scaledLayers }: { readonly scaledLayers: number }): string =>
  scaledLayers === 0 ? '' : `  ${scaledLayers} at their largest norm`;

function describeStart(start: Extract<Progress, { phase: 'start' }>): string {
  const { scan, recipe, layers, resumedAt, heldOut } = start;
  const times = recipe.accumulate > 1 ? ` × ${recipe.accumulate}` : '';
  const from = resumedAt > 0 ? `, resumed at step ${resumedAt}` : '';
  const kind = recipe.dora === false ? recipe.kind : `${recipe.kind} with DoRA`;
  const out = heldOut > 0 ? ` and ${heldOut} held out` : '';
  return `${scan.pictures.length} pictures${out}, ${layers} layers, ${kind} of rank ${recipe.rank}, ${recipe.steps} steps of ${recipe.batch}${times}${from}`;
}

export const nothingDone = 'stopped before the first step; nothing was written';

const share = (x: number): string => `${(100 * x).toFixed(x < 0.095 ? 1 : 0)} %`;

/** What was found of the finished LoRA, in a line or a few. */
function describeExamined({ verdict, facts, findings }: Examined): string[] {
  const said = findings.map(({ level, text }) => (level === 'note' ? `  ${text}` : `  warning: ${text}`));
  if (!facts) return [`examined: ${verdict}`, ...said];
  const { change, leak, drift, pictures } = facts;
  const measured = [
    `it changes predictions by ${share(change)}`,
    ...(pictures ? [`pictures by ${pictures.withTrigger.toFixed(1)} of 255 levels`] : []),
    ...(leak === undefined ? [] : [`without its trigger ${share(leak)} as much`]),
    `the base moved by ${share(drift)}`,
  ];
  return [`examined: ${verdict} (${measured.join(', ')})`, ...said];
}

/** The result for people. */
export function describeResult(result: TrainResult): string {
  const { file, stepsRun, stepSeconds, statePath } = result;
  if (!file) {
    return statePath
      ? `stopped; ${statePath} is saved, the same command with --resume goes on from there`
      : nothingDone;
  }
  const { lossOfLastSteps, peakMemoryBytes } = runSummary(result);
  const facts = [
    showBytes(file.bytes),
    `${stepsRun} steps in ${showSeconds(stepSeconds)}`,
    ...(stepsRun > 0 ? [`${(stepsRun / stepSeconds).toFixed(2)} steps/s`] : []),
    `loss ${lossOfLastSteps.toFixed(4)}`,
    `peak memory ${showBytes(peakMemoryBytes)}`,
  ];
  const { bestFile, stopped, verdict, state, journal, examined } = result;
  return [
    `${file.path}  (${facts.join(', ')})`,
    ...(stopped === undefined ? [] : [`stopped at step ${state.step}: ${stopped}`]),
    ...(verdict === undefined ? [] : [verdict]),
    ...(bestFile ? [`${bestFile.path} is the best of the run, step ${state.best?.step}`] : []),
    ...(examined ? describeExamined(examined) : []),
    `lora runs show ${journal} tells more`,
  ].join('\n');
}
