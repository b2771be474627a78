/** @file `lora doctor`: what machine this is and what would run; and from an ONNX node back to its source line. */
import { availableParallelism, cpus, freemem, release, type as systemType, totalmem } from 'node:os';
import { Command } from 'commander';
import { lowerForSession, nodeOf, openSession, runtimeInfo, sourceOf } from '../../engine/index.ts';
import { usageError } from '../../errors.ts';
import { listLayers } from '../../models/index.ts';
import { buildTrainStep, planRun } from '../../training/index.ts';
import { version } from '../../version.ts';
import { type BaseOptions, openBase, withBase } from '../base.ts';
import { checkDevice, deviceHelp, openDevice } from '../device.ts';
import { listDevices, reportDevice } from '../device-report.ts';
import { measureMatmulPeak } from '../matmul-peak.ts';
import { openTerminal, showBytes } from '../terminal.ts';

interface Options extends BaseOptions {
  explainNode?: string;
  device?: string;
  json: boolean;
}

/** The training step that `lora train` would run with default settings. */
function defaultStep(base: BaseOptions, pictures?: number) {
  const checkpoint = openBase(base, text => process.stderr.write(`${text}\n`));
  const { recipe, layers } = planRun(checkpoint, {});
  const { rank, alpha, resolution } = recipe;
  const batch = pictures ?? recipe.batch;
  const side = resolution.width / checkpoint.latentScale;
  const tokens = checkpoint.textEncoder.config.maxTokens;
  const shape = { batch, height: side, width: side, tokens, rank, scale: alpha / rank, recompute: false };
  return { checkpoint, graph: buildTrainStep(checkpoint, layers, shape) };
}

/** ONNX node names are `n<graph node>.<counter>/<op>`; the graph node knows its scope and source line. */
function explain(name: string, base: BaseOptions): { json: unknown; text: string } {
  const { graph } = defaultStep(base);
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

async function machine(base: BaseOptions) {
  const { checkpoint, graph } = defaultStep(base);
  const session = await openSession(graph);
  const { lowered, setupSeconds } = session;
  await session.release();
  const runtime = runtimeInfo();
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
  };
  const text = [
    `lora-studio ${json.version}, Node ${json.node}, ${json.system}`,
    `processor       ${json.processor}, ${json.cores} cores, matmul ${json.matmulGflops.toFixed(0)} GFLOP/s`,
    `memory          ${showBytes(json.memoryBytes)}, ${showBytes(json.freeMemoryBytes)} free`,
    `ONNX Runtime    ${json.onnxruntime}, providers ${json.providers.join(', ')}; not installed: ${json.providersToInstall.join(', ') || 'none'}`,
    `would run       ${json.base.name} (${json.base.family}) on ${json.trainingStep.provider}: a training step of ${json.trainingStep.onnxNodes} nodes, ready in ${setupSeconds.toFixed(2)} s`,
    ...listDevices(),
  ].join('\n');
  return { json, text };
}

async function report(options: Options, note: (text: string) => void) {
  const { explainNode, device } = options;
  if (explainNode) return explain(explainNode, options);
  if (device === undefined) return machine(options);
  checkDevice(device);
  const provider = device === 'auto' ? (await openDevice(device, note)).provider : device;
  return reportDevice(provider ?? 'cpu', defaultStep(options, 1).graph);
}

async function run(options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const { json, text } = await report(options, text => terminal.note(text));
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
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
