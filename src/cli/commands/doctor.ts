/** @file `lora doctor`: what machine this is and what would run; and from an ONNX node back to its source line. */
import { availableParallelism, cpus, freemem, release, type as systemType, totalmem } from 'node:os';
import { Command } from 'commander';
import { lowerForSession, nodeOf, openSession, runtimeInfo, sourceOf } from '../../engine/index.ts';
import { exitCodes, usageError } from '../../errors.ts';
import { architectureOf, listLayers, sampleSizeOf, shapesOnly } from '../../models/index.ts';
import { buildTrainStep, planRun } from '../../training/index.ts';
import { version } from '../../version.ts';
import {
  checkDevice,
  describeTuning,
  deviceHelp,
  measureMatmulPeak,
  openDevice,
  readTuning,
  showBytes,
} from '../../workbench/index.ts';
import { type BaseOptions, openBase, withBase } from '../base.ts';
import { listDevices, reportDevice } from '../device-report.ts';
import { sizeOption } from '../numbers.ts';
import { interruptible, openTerminal, type Terminal } from '../terminal.ts';
import { tune } from '../tune/tune.ts';
import { workloadsOf } from '../tune/workloads.ts';

interface Options extends BaseOptions {
  explainNode?: string;
  device?: string;
  tune?: boolean | string;
  resolution?: { width: number; height: number };
  again: boolean;
  json: boolean;
}

/** The training step that `lora train` would run with default settings. */
function defaultStep(base: BaseOptions, note: (text: string) => void, pictures?: number) {
  const checkpoint = openBase(base, note);
  const { recipe, layers } = planRun(checkpoint, {});
  const { resolution } = recipe;
  const batch = pictures ?? recipe.batch;
  const side = resolution.width / checkpoint.latentScale;
  const tokens = checkpoint.textEncoder.config.maxTokens;
  const shape = { batch, height: side, width: side, tokens, recompute: false };
  return { checkpoint, graph: buildTrainStep(checkpoint, layers, shape) };
}

/** ONNX node names are `n<graph node>.<counter>/<op>`; the graph node knows its scope and source line. */
function explain(name: string, base: BaseOptions, note: (text: string) => void) {
  const { graph } = defaultStep(base, note);
  const names = lowerForSession(graph).model.nodes.map(({ name }) => name);
  const node = names.includes(name) ? nodeOf(graph, name) : undefined;
  if (!node) {
    const near = names.filter(other => other.startsWith(name.replace(/\..*/, '.'))).slice(0, 5);
    const some = near.length > 0 ? near : names.slice(names.length / 2, names.length / 2 + 3);
    throw usageError(
      'NODE_UNKNOWN',
      `no node of the training step is called ${name}`,
      `There are for example ${some.join(', ')}.`,
    );
  }
  const json = {
    node: name,
    operation: node.op,
    attributes: node.attributes,
    layer: node.scope,
    inputs: node.inputs.map(({ shape }) => shape),
    outputs: node.outputs.map(({ shape }) => shape),
    source: sourceOf(node),
  };
  const shapes = (list: readonly (readonly number[])[]): string => list.map(shape => `[${shape}]`).join(' ');
  const text = [
    `${name} computes ${node.op} ${JSON.stringify(node.attributes)}`,
    `  layer    ${node.scope || '(top)'}${node.scope.endsWith("'") ? '   (backward)' : ''}`,
    `  shapes   ${shapes(json.inputs)} → ${shapes(json.outputs)}`,
    `  source   ${json.source}`,
  ].join('\n');
  return { json, text };
}

async function machine(base: BaseOptions, note: (text: string) => void) {
  const { checkpoint, graph } = defaultStep(base, note);
  const session = await openSession(graph);
  const { lowered, setupSeconds } = session;
  await session.release();
  const runtime = runtimeInfo();
  const tuning = readTuning(note);
  const json = {
    version,
    node: process.versions.node,
    system: `${systemType()} ${release()} ${process.arch}`,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    matmulGflops: await measureMatmulPeak(),
    onnxruntime: runtime.version,
    providers: runtime.providers.filter(({ bundled }) => bundled).map(({ name }) => name),
    providersToInstall: runtime.providers.filter(({ bundled }) => !bundled).map(({ name }) => name),
    base: {
      name: checkpoint.name,
      family: checkpoint.family,
      layers: listLayers(checkpoint.unet.weights, 'unet').length,
    },
    trainingStep: { onnxNodes: lowered.model.nodes.length, setupSeconds, provider: 'cpu' },
    tunedConvolutions: Object.keys(tuning?.convolutions ?? {}).length,
  };
  const text = [
    `lora-studio ${json.version}, Node ${json.node}, ${json.system}`,
    `processor       ${json.processor}, ${json.cores} cores, matmul ${json.matmulGflops.toFixed(0)} GFLOP/s`,
    `memory          ${showBytes(json.memoryBytes)}, ${showBytes(json.freeMemoryBytes)} free`,
    `ONNX Runtime    ${json.onnxruntime}, providers ${json.providers.join(', ')}; not installed: ${json.providersToInstall.join(', ') || 'none'}`,
    `would run       ${json.base.name} (${json.base.family}) on ${json.trainingStep.provider}: a training step of ${json.trainingStep.onnxNodes} nodes, ready in ${setupSeconds.toFixed(2)} s`,
    `tuning          ${describeTuning(tuning)}`,
    ...listDevices(),
  ].join('\n');
  return { json, text };
}

/** What `--tune` measures: a base's own convolutions, or those of a model that everyone has, which needs no file. */
function tunedModel({ tune: named, ...options }: Options, note: (text: string) => void) {
  if (options.base !== 'pocket') {
    if (named !== true) throw usageError('OPTIONS_CLASH', '--base and a name after --tune say two models');
    const checkpoint = openBase(options, note);
    return { model: checkpoint, name: checkpoint.name, side: checkpoint.resolution };
  }
  const known = (['sd15', 'sd2', 'sdxl'] as const).find(
    family => family === (named === true ? 'sd15' : named),
  );
  const architecture = known && architectureOf(known);
  if (!architecture) throw usageError('OPTION_INVALID', `--tune ${named}: give sd15, sd2 or sdxl, or --base`);
  const side = 8 * sampleSizeOf(known, 'epsilon');
  return { model: shapesOnly(architecture), name: architecture.name, side };
}

const coarsest = 64;

async function tuneModel(options: Options, terminal: Terminal) {
  const { model, name, side } = tunedModel(options, text => terminal.note(text));
  const size = options.resolution ?? { width: side, height: side };
  const { width, height } = size;
  if (width < coarsest || height < coarsest || width % coarsest !== 0 || height % coarsest !== 0) {
    const message = `--resolution ${width}x${height}: sides must be multiples of ${coarsest}`;
    throw usageError('RESOLUTION_INVALID', message);
  }
  const signal = interruptible(() => terminal.note('stopping, what was measured is kept …'));
  const work = workloadsOf(model, size);
  const { again } = options;
  const result = await tune({ title: `${name} at ${width}×${height}`, ...work, again, signal }, terminal);
  if (result.json.interrupted) process.exitCode = exitCodes.interrupted;
  return result;
}

async function report(options: Options, terminal: Terminal) {
  const { explainNode, device } = options;
  const note = (text: string): void => terminal.note(text);
  if (options.tune !== undefined) return tuneModel(options, terminal);
  if (explainNode) return explain(explainNode, options, note);
  if (device === undefined) return machine(options, note);
  checkDevice(device);
  const provider = device === 'auto' ? (await openDevice(device, note)).provider : device;
  return reportDevice(provider ?? 'cpu', defaultStep(options, note, 1).graph);
}

async function run(options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const { json, text } = await report(options, terminal);
  terminal.result(json, text);
}

export function doctorCommand(): Command {
  return withBase(new Command('doctor'))
    .description('what machine this is, which providers there are, and what would run')
    .option(
      '--explain-node <name>',
      'from a node of the ONNX training step back to operation, layer and source line',
    )
    .option('--device <name>', `try a device on one training step: ${deviceHelp}`)
    .option(
      '--tune [model]',
      'measure which algorithm computes each convolution fastest here: sd15, sd2, sdxl',
    )
    .option('--resolution <size>', 'picture size to tune for: 512 or 640x512', sizeOption('--resolution'))
    .option('--again', 'tune also what was measured before', false)
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
