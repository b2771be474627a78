/** @file Cases are run: engines in turn, round by round, each in a process of its own. */
import { projectPath } from '../../workbench/index.ts';
import { benchRank, type Case, entries, type Way, type Work } from './cases.ts';
import { type BenchFiles, filesFor } from './files.ts';
import { missingFor, type PeerName, peers, requestFor } from './peers.ts';
import { lastJson, measureCommand, runThrough } from './processes.ts';
import type { Run } from './runs.ts';

export interface Turns {
  readonly rounds: number;
  readonly withPeers: boolean;
  readonly device: string;
  /** A command that starts each measured process; empty for none. */
  readonly through: readonly string[];
  note(text: string): void;
  progress(text: string): void;
}

/** The words of a `lora` command that is itself the work; undefined for work done by `lora bench --one`. */
function commandOf(work: Work, files: BenchFiles, device: string): string[] | undefined {
  if (work.kind === 'open') return ['checkpoint', 'inspect', files.file as string, '--json'];
  if (work.kind === 'lora tool') return toolWords(work.tool, files as Required<BenchFiles>);
  if (work.kind === 'generate') return generateWords(work, files.folder as string, device);
  if (work.kind !== 'first step') return undefined;
  const { file, pictures } = files as Required<BenchFiles>;
  const sizes = [
    '--resolution',
    String(work.side),
    '--rank',
    String(benchRank),
    '--steps',
    String(work.steps),
  ];
  const text = work.text ? ['--text-targets', 'attention+mlp'] : [];
  const kept = ['--no-cache', '--out', '{scratch}/lora.safetensors'];
  return ['train', pictures, '--base', file, ...sizes, ...text, ...kept, '--device', device, '--json'];
}

/** sd-scripts and diffusers are stopped when their first step is done or begins; ours says when it was. */
function timeFactOf(work: Work): string | undefined {
  if (work.kind === 'generate') return work.figure === 'steps' ? 'stepSeconds' : 'firstStepBeginsSeconds';
  return work.kind === 'first step' && work.steps === 1 ? 'secondsToFirstStep' : undefined;
}

function generateWords(
  { side, steps }: Extract<Work, { kind: 'generate' }>,
  folder: string,
  device: string,
): string[] {
  const picture = ['--size', `${side}x${side}`, '--steps', String(steps), '--guidance', '7.5', '--seed', '7'];
  const kept = ['--out', '{scratch}/picture.png', '--device', device, '--json'];
  return ['generate', 'a green frog at night', '--base', folder, '--sampler', 'DDIM', ...picture, ...kept];
}

function toolWords(
  tool: 'merge' | 'resize' | 'extract',
  { file, lora, tuned }: Required<BenchFiles>,
): string[] {
  const out = ['--out', '{scratch}/out.safetensors'];
  if (tool === 'merge') return ['merge', lora, '--base', file, ...out];
  const type = ['--precision', 'float16'];
  if (tool === 'resize') return ['resize', lora, '--rank', '8', ...type, ...out];
  return ['extract', tuned, '--base', file, '--rank', String(benchRank), ...type, ...out];
}

async function runOurs(one: Case, way: Way, files: BenchFiles, { device, through }: Turns): Promise<Run> {
  const words = commandOf(one.work, files, device);
  if (words) return measureCommand(words, through, timeFactOf(one.work));
  const index = entries.findIndex(entry => entry.one === one && entry.way === way);
  const options = ['bench', '--one', String(index), '--device', device];
  const started = runThrough(through, process.execPath, [projectPath('bin/lora.js'), ...options]);
  return lastJson(await started) as Run;
}

async function runPeer(name: PeerName, work: Work, files: BenchFiles, through: readonly string[]) {
  const options = [projectPath('bench/peer.py'), JSON.stringify(requestFor(name, work, files))];
  return lastJson(await runThrough(through, peers[name].python(), options)) as Run;
}

type Turn = readonly [engine: string, start: () => Promise<Run>];

function turnsOf(one: Case, files: BenchFiles, turns: Turns): Turn[] {
  const ours = one.ours.map((way): Turn => [way.engine, () => runOurs(one, way, files, turns)]);
  if (!turns.withPeers) return ours;
  const theirs: Turn[] = [];
  for (const name of one.peers) {
    const missing = missingFor(name);
    if (missing) turns.note(missing);
    else theirs.push([name, () => runPeer(name, one.work, files, turns.through)]);
  }
  return [...ours, ...theirs];
}

/** Runs one case; `onRun` hears of every process. */
export async function runCase(
  one: Case,
  turns: Turns,
  onRun: (engine: string, run: Run) => Promise<void>,
): Promise<void> {
  const files = await filesFor(one.work, turns.note);
  const engines = turnsOf(one, files, turns);
  for (let round = 1; round <= turns.rounds; round++) {
    for (const [engine, start] of engines) {
      turns.progress(`${one.name}: ${engine}, round ${round}/${turns.rounds}`);
      await onRun(engine, await start());
    }
  }
}
