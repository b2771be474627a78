/** @file `lora bench`: the figures that the product claims, measured here, beside PyTorch where it is installed. */
import { cpus } from 'node:os';
import { Command } from 'commander';
import { usageError } from '../../errors.ts';
import { writeFileAtomic } from '../../files/index.ts';
import { projectPath } from '../base.ts';
import { type Case, cases, type Measured, measure, randomSd15 } from '../bench/cases.ts';
import { type Everyday, measureEveryday } from '../bench/everyday.ts';
import { lastJson, runProcess } from '../bench/processes.ts';
import { checkDevice, deviceHelp, openDevice } from '../device.ts';
import { measureMatmulPeak } from '../matmul-peak.ts';
import { integerOption } from '../numbers.ts';
import { openTerminal, showBytes } from '../terminal.ts';

interface Options {
  peer: boolean;
  only?: string;
  one?: number;
  rounds: number;
  device: string;
  write: boolean;
  json: boolean;
}

interface PeerRun {
  readonly seconds: readonly number[];
  readonly peakBytes: number;
}

async function runOurs(index: number, device: string): Promise<Measured> {
  return lastJson(
    await runProcess(process.execPath, [
      projectPath('bin/lora.js'),
      ...['bench', '--one', String(index), '--device', device],
    ]),
  ) as Measured;
}

async function runPeer({ model, work, size, repeats }: Case, precision: string): Promise<PeerRun> {
  const python = process.env.LORA_PYTHON ?? 'python3';
  const numbers = [size.height, size.batch, repeats].map(String);
  const weights = model === 'pocket' ? projectPath('pretrained/pocket/unet') : '-';
  return lastJson(
    await runProcess(python, [projectPath('bench/peer.py'), model, work, ...numbers, precision, weights]),
  ) as PeerRun;
}

interface Row {
  readonly name: string;
  readonly engine: string;
  readonly best: number;
  readonly median: number;
  readonly peakBytes: number;
  readonly gflops: number | undefined;
  readonly setupSeconds: number | undefined;
}

/** Best and median of all rounds; the first run of a process pages weights in and is left out. */
function rowOf(name: string, engine: string, runs: readonly (PeerRun & Partial<Measured>)[]): Row {
  const warm = runs.flatMap(({ seconds }) => seconds.slice(1)).sort((a, b) => a - b);
  const { gflop } = runs[0];
  return {
    name,
    engine,
    best: warm[0],
    median: warm[Math.floor(warm.length / 2)],
    peakBytes: Math.max(...runs.map(({ peakBytes }) => peakBytes)),
    gflops: gflop === undefined ? undefined : gflop / warm[0],
    setupSeconds: runs[0].setupSeconds,
  };
}

const show = (seconds: number): string =>
  seconds < 1 ? `${(1000 * seconds).toFixed(1)} ms` : `${seconds.toFixed(2)} s`;

function tableOf(rows: readonly Row[], peak: number): string {
  const head = [
    'work',
    'engine',
    'best',
    'median',
    'peak memory',
    'GFLOP/s (of peak)',
    'set-up',
    'our best / theirs',
  ];
  const lines = rows.map(row => {
    const ours = rows.find(other => other.name === row.name && other.engine === 'lora-studio') as Row;
    const speed =
      row.gflops === undefined
        ? ''
        : `${row.gflops.toFixed(0)} (${((100 * row.gflops) / peak).toFixed(0)} %)`;
    const setup = row.setupSeconds === undefined ? '' : show(row.setupSeconds);
    const ratio =
      row === ours
        ? ''
        : `${(ours.best / row.best).toFixed(2)} (median ${(ours.median / row.median).toFixed(2)})`;
    return [
      row.name,
      row.engine,
      show(row.best),
      show(row.median),
      showBytes(row.peakBytes),
      speed,
      setup,
      ratio,
    ];
  });
  return [head, head.map(() => '---'), ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n');
}

function everydayTable({ generateSeconds, firstStepSeconds, switchSeconds }: Everyday): string {
  const rows = [
    ['lora generate on pocket, 20 steps: start → PNG', ...generateSeconds.map(show)],
    ['the same: start → first step', ...firstStepSeconds.map(show)],
    ['another LoRA file of the same rank in a running process', '', show(switchSeconds)],
  ];
  const head = ['what a user waits for', 'best', 'median'];
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n');
}

async function run(options: Options): Promise<void> {
  checkDevice(options.device);
  if (options.one !== undefined) {
    const chosen = cases[options.one];
    if (!chosen) throw usageError('BENCH_UNKNOWN', `there is no case ${options.one}`);
    const session = await openDevice(options.device, text => process.stderr.write(`${text}\n`));
    process.stdout.write(`${JSON.stringify(await measure(chosen, session))}\n`);
    return;
  }
  const terminal = openTerminal(options.json);
  const peak = await measureMatmulPeak();
  const rows: Row[] = [];
  const wanted = cases.filter(
    ({ name }) => !options.only || name.toLowerCase().includes(options.only.toLowerCase()),
  );
  if (wanted.some(({ model }) => model === 'sd15')) {
    terminal.note('making random SD 1.5 weights (3.4 GB, kept for the next time)');
    await randomSd15();
  }
  for (const entry of wanted) {
    const runs = new Map<string, (PeerRun & Partial<Measured>)[]>();
    for (let round = 0; round < options.rounds; round++) {
      const engines: [string, () => Promise<PeerRun>][] = [
        ['lora-studio', () => runOurs(cases.indexOf(entry), options.device)],
      ];
      if (options.peer) {
        for (const precision of ['float32', 'bfloat16']) {
          engines.push([
            `PyTorch ${precision}${precision === 'bfloat16' ? ' autocast' : ''}`,
            () => runPeer(entry, precision),
          ]);
        }
      }
      for (const [engine, start] of engines) {
        terminal.progress(`${entry.name}: ${engine}, round ${round + 1}/${options.rounds}`);
        runs.set(engine, [...(runs.get(engine) ?? []), await start()]);
      }
    }
    for (const [engine, list] of runs) rows.push(rowOf(entry.name, engine, list));
  }
  const everyday = options.only || options.device !== 'cpu' ? undefined : await measureEveryday();
  const table = [tableOf(rows, peak), ...(everyday ? [everydayTable(everyday)] : [])].join('\n\n');
  const head = `${options.device === 'cpu' ? '' : `device ${options.device}, `}${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}, matmul peak ${peak.toFixed(0)} GFLOP/s, ${new Date().toISOString().slice(0, 10)}`;
  if (options.write) {
    const intro = `# Benchmarks\n\nWritten by \`npm run bench${options.peer ? ' -- --peer' : ''}\`. Engines ran in turn, each in a process of its own; best and median of all runs but each process's first. Training steps: LoRA rank 16 on all linear layers of the transformers; loss, gradients and AdamW included; random weights for SD 1.5. Peak memory counts the pages of mapped weights.\n\n`;
    await writeFileAtomic(projectPath('bench/RESULTS.md'), `${intro}${head}\n\n${table}\n`);
  }
  terminal.result({ machine: head, matmulGflops: peak, rows, everyday }, `${head}\n\n${table}`);
}

export function benchCommand(): Command {
  return new Command('bench')
    .description('measure training and generating speed and memory')
    .option(
      '--peer',
      'also PyTorch + diffusers + PEFT on the same work, in turn ($LORA_PYTHON or python3)',
      false,
    )
    .option('--only <text>', 'only cases whose name contains this')
    .option('--rounds <n>', 'how often each engine has its turn', integerOption('--rounds'), 2)
    .option('--one <n>', 'run one case in this process and print its measurements', integerOption('--one'))
    .option('--device <name>', deviceHelp, 'cpu')
    .option('--no-write', 'do not write bench/RESULTS.md')
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
