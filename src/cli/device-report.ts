/** @file What a device does with a training step: what falls back to the CPU, and how far its numbers are from the CPU's. */
import { existsSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import {
  describePlacement,
  deviceSpeed,
  deviceUnavailable,
  type ExecutionProvider,
  elementCount,
  type Graph,
  isOffered,
  openSession,
  type Placement,
  probeProvider,
  providers,
  randomStream,
  requireOffered,
  type Tensor,
} from '../engine/index.ts';

/** Vulkan drivers that WebGPU chooses from on Linux, by the files that announce them; it does not tell its choice. */
function vulkanDrivers(): string[] {
  const given = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;
  const folders = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'].filter(existsSync);
  const files = given ? given.split(':') : folders.flatMap(folder => readdirSync(folder));
  return files.map(file => basename(file, '.json'));
}

/** Numbers of the size that a step is fed: timesteps, small A and B, pictures and states. */
function feedFor(name: string, shape: readonly number[]): Tensor {
  const data = randomStream(1, `device ${name}`).normals(elementCount(shape));
  if (name === 'timesteps') return { shape, data: data.fill(423) };
  return { shape, data: /\.(up|down)$/.test(name) ? data.map(x => x / 20) : data };
}

interface Ran {
  readonly results: Readonly<Record<string, Tensor>>;
  readonly placement: Placement | undefined;
  readonly stepSeconds: number;
}

/** The second run is timed: the first compiles. */
async function runStep(graph: Graph, provider: ExecutionProvider): Promise<Ran> {
  let placement: Placement | undefined;
  const onPlacement = (found: Placement): void => {
    placement = found;
  };
  const session = await openSession(graph, { provider, onPlacement });
  const { model, fedWeights } = session.lowered;
  const ports = model.inputs.filter(({ name }) => !fedWeights.has(name));
  const feeds = Object.fromEntries(ports.map(({ name, dims }) => [name, feedFor(name, dims)]));
  const results = await session.run(feeds);
  const started = performance.now();
  await session.run(feeds);
  const stepSeconds = (performance.now() - started) / 1000;
  await session.release();
  return { results, placement, stepSeconds };
}

/** ‖actual − expected‖ / ‖expected‖ over all tensors together. */
function relativeDifference(actual: Ran['results'], expected: Ran['results']): number {
  let [difference, size] = [0, 0];
  for (const [name, { data }] of Object.entries(expected)) {
    for (const [i, x] of data.entries()) {
      difference += (actual[name].data[i] - x) ** 2;
      size += x * x;
    }
  }
  return Math.sqrt(difference / size);
}

function describeRan(provider: ExecutionProvider, placement: Placement | undefined): string {
  if (!placement) return 'not known: the profile could not be written';
  const fallback = provider === 'cpu' ? undefined : describePlacement(placement);
  return fallback ?? `all ${placement.operations.toLocaleString('en')} operations run on it`;
}

export async function reportDevice(provider: ExecutionProvider, step: Graph) {
  requireOffered(provider);
  const probe = await probeProvider(provider);
  if (!probe.works) throw deviceUnavailable(provider, probe.reason ?? 'it does not say why');
  const [onDevice, onCpu] = [await runStep(step, provider), await runStep(step, 'cpu')];
  const { placement } = onDevice;
  const drivers = provider === 'webgpu' && process.platform === 'linux' ? vulkanDrivers() : [];
  const json = {
    device: provider,
    vulkanDrivers: drivers,
    matmulGflops: probe.gflops ?? 0,
    cpuMatmulGflops: await deviceSpeed('cpu'),
    operations: placement?.operations ?? null,
    onCpu: placement ? Object.fromEntries(placement.onCpu) : null,
    copies: placement?.copies ?? null,
    differenceFromCpu: relativeDifference(onDevice.results, onCpu.results),
    stepSeconds: onDevice.stepSeconds,
    cpuStepSeconds: onCpu.stepSeconds,
  };
  const ran = describeRan(provider, placement);
  const text = [
    `device          ${provider}${drivers.length > 0 ? `, Vulkan drivers ${drivers.join(', ')}` : ''}`,
    `speed           matmul ${json.matmulGflops.toPrecision(2)} GFLOP/s, the processor ${json.cpuMatmulGflops.toPrecision(2)}`,
    `training step   ${json.stepSeconds.toFixed(2)} s with one picture, the processor ${json.cpuStepSeconds.toFixed(2)} s`,
    `placement       ${ran}`,
    `numbers         loss and gradients differ from the processor's by ${json.differenceFromCpu.toExponential(1)} of their size`,
  ].join('\n');
  return { json, text };
}

/** One line a provider: whether this build has it, and what turns it on. */
export function listDevices(): string[] {
  const names = (Object.keys(providers) as ExecutionProvider[]).filter(name => name !== 'cpu');
  return names.map(name => {
    const { platforms, turnOn } = providers[name];
    const state = isOffered(name)
      ? `in this build, try lora doctor --device ${name}`
      : `not in this build; for ${platforms}`;
    return `${name.padEnd(16)}${state}. ${turnOn}`;
  });
}
