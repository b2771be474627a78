/** LoRA files against those of diffusers, PEFT and safetensors (tools/goldens/lora_files.py). */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as f from '../../src/engine/index.ts';
import { hashTensorData, openSafetensors } from '../../src/files/index.ts';
import {
  attach,
  chooseTargets,
  kohyaName,
  type LoraModule,
  lowRankBranches,
  nameOf,
  readLora,
  serializeLora,
} from '../../src/lora/index.ts';
import { readUnetConfig } from '../../src/models/checkpoint/config-files.ts';
import { type LayerInfo, listLayers, openScope, unet, unetShapes } from '../../src/models/index.ts';
import { writeConfig } from '../support/configs.ts';
import { temporaryFolder } from '../support/pictures.ts';
import { type Digest, given, hashed, hashedSource, relativeError } from './hashed-weights.ts';

interface PresetFacts {
  layers: number;
  parametersPerRank: number;
  names: string;
}

interface Golden {
  written: { shapes: Record<string, number[]>; bodyHash: string; y: Digest };
  targets: Record<string, { config: unknown; presets: Record<string, PresetFacts> }>;
  ldm: { layers: number; hash: string; samples: Record<string, string> };
}

const read = (name: string) => JSON.parse(readFileSync(new URL(`./data/${name}`, import.meta.url), 'utf8'));
const golden: Golden = read('lora-files.json');
const ldmPath = (path: string): string => nameOf(`unet.${path}`, 'original', 'sdxl');
const sha256 = (lines: string[]): string => createHash('sha256').update(lines.join('\n')).digest('hex');

/** Layers of a UNet of this config, without weights. */
function layersOf(config: unknown): LayerInfo[] {
  return listLayers(hashedSource(unetShapes(readUnetConfig(writeConfig(config)))), 'unet');
}

describe('the kohya file of a PEFT adapter', () => {
  const small = read('models.json').unet_sd15;
  const source = hashedSource(new Map(Object.entries(small.shapes as Record<string, number[]>)));
  const layers = chooseTargets(listLayers(source, 'unet'), 'conv');
  const rank = 4;
  const peftTensor = (target: string, side: 'A' | 'B', shape: number[]): f.Tensor => ({
    shape,
    data: hashed(`${target.slice(5)}.lora_${side}.default.weight`, shape),
  });
  const modules = layers.map(({ target, shape: [out, ...inside] }): LoraModule => {
    const down = peftTensor(target, 'A', [rank, ...inside]);
    const up = peftTensor(target, 'B', [out, rank, ...inside.slice(1).map(() => 1)]);
    return { target, kind: 'lora', tensors: { down, up }, alpha: 3, rank };
  });
  const metadata = { ss_network_dim: '4', 'modelspec.sai_model_spec': '1.0.1' };
  const path = join(temporaryFolder(), 'adapter.safetensors');
  const { bytes } = serializeLora({ modules, metadata }, { dtype: 'float32' });
  writeFileSync(path, bytes);
  const file = openSafetensors(path);

  test('names, shapes, and the very bytes of the tensors are those of diffusers and safetensors', async () => {
    const shapes = [...file.tensors].map(([name, { shape }]) => [name, shape]);
    expect(Object.fromEntries(shapes)).toEqual(golden.written.shapes);
    expect(await hashTensorData(path)).toBe(golden.written.bodyHash);
  });

  test('sshs_model_hash and modelspec.hash_sha256 are the sha256 of the tensor data', () => {
    expect(file.metadata.sshs_model_hash).toBe(golden.written.bodyHash);
    expect(file.metadata['modelspec.hash_sha256']).toBe(`0x${golden.written.bodyHash}`);
    // sha256 of nothing: 64 KiB from 1 MiB on of a smaller file.
    expect(file.metadata.sshs_legacy_hash).toBe('e3b0c442');
  });

  test('attached, it gives what diffusers gives once it has loaded it', async () => {
    const { lora, report } = readLora(path, { layers: listLayers(source, 'unet'), contextWidth: 48 });
    expect(report).toMatchObject({ applied: file.tensors.size, skipped: [], ranks: [4], alphas: [3] });
    const shapes = new Map(layers.map(({ target, shape }) => [target, shape]));
    const applied = lora.modules.map(module => ({ module, strength: 1 }));
    const { slots, feeds } = lowRankBranches(applied, target => shapes.get(target) as f.Shape);
    const graph = f.createGraph();
    const inputs = {
      sample: f.input(graph, 'x', [2, 4, 8, 8]),
      timesteps: f.input(graph, 't', [2]),
      context: f.input(graph, 'context', [2, 7, 48]),
    };
    const scope = openScope(graph, source, 'unet', attach(graph, slots).hooks);
    f.output('y', unet(scope, readUnetConfig(writeConfig(small.config)), inputs));
    const session = await f.openSession(graph);
    const { y } = await session.run({
      ...{ ...feeds, x: given('x', [2, 4, 8, 8]), context: given('context', [2, 7, 48]) },
      t: f.tensor([2], Float32Array.of(17, 801)),
    });
    await session.release();
    // Float32 with another order of summation; measured 1e-6.
    expect(relativeError(y, golden.written.y)).toBeLessThan(1e-5);
  });
});

describe.each(Object.entries(golden.targets))('targets of %s', (_, { config, presets }) => {
  const layers = layersOf(config);
  test.each(Object.entries(presets))('%s chooses the layers that kohya chooses by class', (preset, facts) => {
    const chosen = chooseTargets(layers, preset);
    const inside = (shape: readonly number[]): number => shape.slice(1).reduce((a, b) => a * b, 1);
    expect({
      layers: chosen.length,
      parametersPerRank: chosen.reduce((sum, { shape }) => sum + shape[0] + inside(shape), 0),
      names: sha256(chosen.map(({ target }) => target.slice(5)).sort()),
    }).toEqual(facts);
  });
});

test('LDM names of every layer of SDXL equal those that diffusers converts from', () => {
  for (const [diffusers, ldm] of Object.entries(golden.ldm.samples)) expect(ldmPath(diffusers)).toBe(ldm);
  const paths = layersOf(golden.targets.sdxl.config).map(({ target }) => target.slice(5));
  expect(paths.length).toBe(golden.ldm.layers);
  expect(sha256(paths.sort().map(path => `${path} ${ldmPath(path)}`))).toBe(golden.ldm.hash);
});

test('kohya names of SDXL', () => {
  const target = 'unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0';
  expect(kohyaName(target, 'ldm')).toBe(
    'lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_out_0', // as trainers.md §2.1 has it
  );
});
