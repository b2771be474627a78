/** @file What LoRAs cost while pictures are made: a step with them beside one without, and the change to another file. */
import {
  createGraph,
  elementCount,
  type Feed,
  openSession,
  output,
  randomStream,
  type Session,
  type SessionOptions,
} from '../../engine/index.ts';
import { loadLoraFor } from '../../generation/index.ts';
import { appliedModules, attach, attachModules, mergeModules } from '../../lora/index.ts';
import {
  buildUnet,
  type Checkpoint,
  type LatentSize,
  type LayerHooks,
  openCheckpoint,
} from '../../models/index.ts';
import type { Work } from './cases.ts';
import type { BenchFiles } from './files.ts';
import { watchOthers } from './others.ts';
import { peakBytes } from './peak-memory.ts';
import type { Run } from './runs.ts';

type LoraWork = Extract<Work, { kind: 'lora step' | 'lora switch' }>;
type Feeds = Readonly<Record<string, Feed>>;

/** Two pictures of 512², one with the prompt and one without. */
const guided: LatentSize = { batch: 2, height: 64, width: 64, tokens: 77 };
/** A change costs the same at every size; the less a step takes, the better it is seen. */
const small: LatentSize = { batch: 1, height: 8, width: 8, tokens: 77 };

const random = randomStream(1, 'bench');

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** The UNet's modules of some LoRA files, all at the same strength. */
function modulesOf(checkpoint: Checkpoint, paths: readonly string[]) {
  const loras = paths.map(path => ({
    lora: loadLoraFor(checkpoint, path).lora,
    strength: 1 / paths.length,
  }));
  return appliedModules(loras, checkpoint.family).filter(({ module }) => module.target.startsWith('unet.'));
}

const partsOf = ({ unet }: Checkpoint) => new Map([['unet', unet.weights]]);

const attached = (checkpoint: Checkpoint, paths: readonly string[]) =>
  attachModules(modulesOf(checkpoint, paths), partsOf(checkpoint));

interface Step {
  readonly session: Session;
  readonly feeds: Feeds;
}

/** A session of the UNet with noise for all inputs but those that `given` has. */
async function openStep(
  checkpoint: Pick<Checkpoint, 'unet'>,
  size: LatentSize,
  options: SessionOptions,
  {
    hooks,
    given = {},
  }: { hooks?: (graph: ReturnType<typeof createGraph>) => LayerHooks; given?: Feeds } = {},
): Promise<Step> {
  const graph = createGraph();
  output('prediction', buildUnet(graph, checkpoint, size, hooks?.(graph)));
  const session = await openSession(graph, options);
  const noise = session.lowered.model.inputs.map(({ name, dims }): [string, Feed] => [
    name,
    given[name] ?? { shape: dims, data: random.normals(elementCount(dims)) },
  ]);
  return { session, feeds: Object.fromEntries(noise) };
}

async function openAttached(
  checkpoint: Checkpoint,
  paths: readonly string[],
  size: LatentSize,
  options: SessionOptions,
): Promise<Step> {
  const { slots, feeds } = await attached(checkpoint, paths);
  return openStep(checkpoint, size, options, {
    hooks: graph => attach(graph, slots, { batch: size.batch }).hooks,
    given: feeds,
  });
}

async function openMerged(
  checkpoint: Checkpoint,
  paths: readonly string[],
  size: LatentSize,
  options: SessionOptions,
): Promise<Step> {
  const weights = await mergeModules(modulesOf(checkpoint, paths), partsOf(checkpoint), 'unet');
  return openStep({ unet: { ...checkpoint.unet, weights } }, size, options);
}

interface Times {
  readonly seconds: readonly number[];
  readonly without?: readonly number[];
}

async function measureSteps(
  { form, repeats }: Extract<Work, { kind: 'lora step' }>,
  checkpoint: Checkpoint,
  loras: readonly string[],
  options: SessionOptions,
): Promise<Times> {
  const plain = await openStep(checkpoint, guided, options);
  const open = form === 'merged' ? openMerged : openAttached;
  const withLora = await open(checkpoint, loras, guided, options);
  const [seconds, without]: [number[], number[]] = [[], []];
  for (let i = 0; i < repeats; i++) {
    without.push(await timed(() => plain.session.run(plain.feeds)));
    seconds.push(await timed(() => withLora.session.run(withLora.feeds)));
  }
  await Promise.all([plain.session.release(), withLora.session.release()]);
  return { seconds, without };
}

/** Reading the file and making its feeds, and what the next step takes longer than the one after it. */
async function measureSwitches(
  { repeats }: Extract<Work, { kind: 'lora switch' }>,
  checkpoint: Checkpoint,
  loras: readonly string[],
  options: SessionOptions,
): Promise<Times> {
  const { session, feeds } = await openAttached(checkpoint, loras.slice(0, 1), small, options);
  await session.run(feeds);
  const seconds: number[] = [];
  for (let i = 0; i < repeats; i++) {
    let other: Feeds = {};
    const read = await timed(async () => {
      other = { ...feeds, ...(await attached(checkpoint, [loras[(i + 1) % loras.length]])).feeds };
    });
    const next = await timed(() => session.run(other));
    const after = await timed(() => session.run(other));
    seconds.push(read + Math.max(0, next - after));
  }
  await session.release();
  return { seconds };
}

/** Runs the work in this process and measures it. */
export async function measureLora(
  work: LoraWork,
  files: BenchFiles,
  session: SessionOptions = {},
): Promise<Run> {
  const { folder, loras } = files as Required<BenchFiles>;
  const checkpoint = openCheckpoint(folder);
  const othersSince = watchOthers();
  const times =
    work.kind === 'lora step'
      ? await measureSteps(work, checkpoint, loras, session)
      : await measureSwitches(work, checkpoint, loras, session);
  const others = othersSince();
  return { ...times, peakBytes: peakBytes(), ...(others === undefined ? {} : { others }) };
}
