/** Files in the dialects of PEFT and diffusers against what those programs make of them (tools/goldens/lora_dialects.py). */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DType, Shape } from '../../src/engine/index.ts';
import { floatTensorBytes, serializeSafetensors } from '../../src/files/index.ts';
import { deltaOf, type LoraBase, type LoraModule, openLoraFile, readLora } from '../../src/lora/index.ts';
import { clipShapes } from '../../src/models/clip/shapes.ts';
import { temporaryFolder } from '../support/pictures.ts';
import { type Digest, hashed, relativeError } from './hashed-weights.ts';

interface Entry {
  shape: number[];
  value?: number;
  dtype?: DType;
}
interface Case {
  file: { tensors: Record<string, Entry>; metadata: Record<string, string> };
  config?: unknown;
  changes: Record<string, { weight: Digest; bias?: Digest }>;
}
const read = (name: string) => JSON.parse(readFileSync(new URL(`./data/${name}`, import.meta.url), 'utf8'));
const golden: Record<string, Case> = read('lora-dialects.json');

const unetShapes = new Map(Object.entries(read('models.json').unet_sd15.shapes as Record<string, Shape>));
const textShapes = clipShapes(
  {
    ...{ hiddenSize: 48, innerSize: 96, layers: 3, heads: 4, activation: 'quick_gelu', maxTokens: 16 },
    ...{ vocabularySize: 100, layerNormEpsilon: 1e-5, endTokenId: 99, projectionSize: 48 },
  },
  { projects: false },
);
const layersOf = (shapes: ReadonlyMap<string, Shape>, part: string) =>
  [...shapes].flatMap(([name, shape]) =>
    name.endsWith('.weight') ? [{ target: `${part}.${name.slice(0, -7)}`, shape }] : [],
  );
const base: LoraBase = {
  layers: [...layersOf(unetShapes, 'unet'), ...layersOf(textShapes, 'text_encoder')],
  contextWidth: 48,
};

function bytesOf(key: string, { shape, value, dtype = 'float32' }: Entry) {
  if (value === undefined)
    return { dtype, bytes: floatTensorBytes({ shape, data: hashed(key, shape) }, 'float32') };
  const bytes = new Uint8Array(dtype === 'int64' ? BigInt64Array.of(BigInt(value)).buffer : []);
  return { dtype, bytes };
}

/** Writes a case's file, in a folder of PEFT where it has a config; returns what to open. */
function write({ file, config }: Case): string {
  const folder = join(temporaryFolder(), 'adapter');
  mkdirSync(folder);
  const tensors = Object.entries(file.tensors).map(([name, entry]) => ({
    name,
    shape: entry.shape,
    ...bytesOf(name, entry),
  }));
  const name = config ? 'adapter_model.safetensors' : 'lora.safetensors';
  writeFileSync(join(folder, name), serializeSafetensors(tensors, file.metadata));
  if (!config) return join(folder, name);
  writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify(config));
  return folder;
}

const changeOf = async (module: LoraModule) => {
  const layer = base.layers.find(({ target }) => target === module.target);
  const [, name] = /^[^.]*\.(.*)$/.exec(module.target) as RegExpExecArray;
  const shape = layer?.shape as Shape;
  return deltaOf(module, { strength: 1, shape, base: () => hashed(`${name}.weight`, shape) });
};

const ours = (target: string): string =>
  target.replace(/^text_encoder\.encoder/, 'text_encoder.text_model.encoder');

describe.each(Object.entries(golden))('%s', (_, one) => {
  const path = write(one);
  const { lora, report } = readLora(path, base);

  test('every tensor is used', () => {
    expect(report.skipped).toEqual([]);
    expect(report.applied).toBe(Object.keys(one.file.tensors).length);
    expect(lora.modules.map(({ target }) => target).sort()).toEqual(
      Object.keys(one.changes).map(ours).sort(),
    );
  });

  test('ΔW of every layer', async () => {
    const changes = new Map(Object.entries(one.changes).map(([target, change]) => [ours(target), change]));
    for (const module of lora.modules) {
      const { weight, bias } = await changeOf(module);
      const expected = changes.get(module.target);
      // Products in float32 here, in float64 there; a change of DoRA is the difference of two larger numbers.
      expect(
        relativeError({ data: weight as Float32Array }, expected?.weight as Digest),
        module.target,
      ).toBeLessThan(1e-5);
      expect(bias !== undefined, module.target).toBe(expected?.bias !== undefined);
      if (bias) expect(relativeError({ data: bias }, expected?.bias as Digest)).toBeLessThan(1e-5);
    }
  });

  test('without a base it says the same of itself', () => {
    const file = openLoraFile(path);
    expect(file.modules.map(({ target }) => target).sort()).toEqual(
      Object.keys(one.changes).map(ours).sort(),
    );
    expect(file.modules.map(entry => file.read(entry).alpha)).toEqual(lora.modules.map(({ alpha }) => alpha));
  });
});
