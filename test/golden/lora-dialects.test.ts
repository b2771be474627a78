/** Files in the dialects of PEFT and diffusers against what those programs make of them (tools/goldens/lora_dialects.py). */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DType, Shape } from '../../src/engine/index.ts';
import {
  floatTensorBytes,
  hashTensorData,
  openSafetensors,
  serializeSafetensors,
} from '../../src/files/index.ts';
import {
  convertLora,
  deltaOf,
  type LoraBase,
  type LoraModule,
  openLoraFile,
  readLora,
  type WrittenDialect,
} from '../../src/lora/index.ts';
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

/** ΔW and changes of biases, layer by layer, against those of the program that made the file. */
async function expectChanges(modules: readonly LoraModule[], { changes }: Case): Promise<void> {
  const expected = new Map(Object.entries(changes).map(([target, change]) => [ours(target), change]));
  expect(modules.map(({ target }) => target).sort()).toEqual([...expected.keys()].sort());
  for (const module of modules) {
    const { weight, bias } = await changeOf(module);
    const change = expected.get(module.target);
    // Products in float32 here, in float64 there; a change of DoRA is the difference of two larger numbers.
    const error = relativeError({ data: weight as Float32Array }, change?.weight as Digest);
    expect(error, module.target).toBeLessThan(1e-5);
    expect(bias !== undefined, module.target).toBe(change?.bias !== undefined);
    if (bias) expect(relativeError({ data: bias }, change?.bias as Digest)).toBeLessThan(1e-5);
  }
}

describe.each(Object.entries(golden))('%s', (_, one) => {
  const path = write(one);
  const { lora, report } = readLora(path, base);

  test('every tensor is used', () => {
    expect(report.skipped).toEqual([]);
    expect(report.applied).toBe(Object.keys(one.file.tensors).length);
  });

  test('ΔW of every layer', () => expectChanges(lora.modules, one));

  test('without a base it says the same of itself', () => {
    const file = openLoraFile(path);
    const ownTargets = file.modules.map(({ target }) => target).sort();
    expect(ownTargets).toEqual(Object.keys(one.changes).map(ours).sort());
    expect(file.modules.map(entry => file.read(entry).alpha)).toEqual(lora.modules.map(({ alpha }) => alpha));
  });
});

const convert = async (path: string, to: WrittenDialect): Promise<string> => {
  const out = join(temporaryFolder(), to === 'peft' ? 'folder' : 'converted.safetensors');
  await convertLora(path, out, { to, family: 'sd15' });
  return out;
};
const shapesIn = (path: string): [string, Shape][] =>
  [...openSafetensors(path).tensors].map(([name, { shape }]): [string, Shape] => [name, shape]).sort();

const cases = Object.entries(golden);
const isPlain = ([name]: readonly [string, Case]): boolean => !/LoHa|LoKr/.test(name);

describe('converted', () => {
  test.each(cases)('%s to kohya', async (_, one) => {
    const out = await convert(write(one), 'kohya');
    await expectChanges(readLora(out, { ...base, strict: true }).lora.modules, one);
    const { metadata } = openSafetensors(out);
    expect(metadata.sshs_model_hash).toBe(await hashTensorData(out));
    expect(metadata.lora_adapter_metadata).toBeUndefined();
  });

  test.each(cases.filter(isPlain))('%s to Diffusers, and on from there', async (name, one) => {
    // kohya has the change of a bias, which is not PEFT's bias of B any more.
    const onwards = name.includes('biases') ? [] : (['kohya', 'diffusers'] as const);
    let path = write(one);
    for (const to of ['diffusers', 'peft', ...onwards] as const) {
      path = await convert(path, to);
      await expectChanges(readLora(path, { ...base, strict: true }).lora.modules, one);
    }
  });

  test.each(cases.filter(one => isPlain(one) && one[1].config))(
    '%s to PEFT: the very tensors that PEFT writes',
    async (_, one) => {
      const out = await convert(write(one), 'peft');
      const theirs = Object.entries(one.file.tensors).map(([key, { shape }]): [string, Shape] => [
        key,
        shape,
      ]);
      expect(shapesIn(join(out, 'adapter_model.safetensors'))).toEqual(theirs.sort());
      const config = JSON.parse(readFileSync(join(out, 'adapter_config.json'), 'utf8'));
      for (const field of ['peft_type', 'r', 'use_dora', 'lora_bias', 'bias'])
        expect(config[field], field).toEqual((one.config as Record<string, unknown>)[field]);
    },
  );

  test('a Tucker core becomes part of A', async () => {
    const name = 'lora_unet_mid_block_resnets_0_conv1';
    const [out, inside] = unetShapes.get('mid_block.resnets.0.conv1.weight') ?? [];
    const path = join(temporaryFolder(), 'tucker.safetensors');
    const tensors = [
      [`${name}.lora_down.weight`, [3, inside, 1, 1]],
      [`${name}.lora_mid.weight`, [3, 3, 3, 3]],
      [`${name}.lora_up.weight`, [out, 3, 1, 1]],
    ] as const;
    const entries = tensors.map(([key, shape]) => ({
      ...{ name: key, shape, dtype: 'float32' as const },
      bytes: floatTensorBytes({ shape, data: hashed(key, shape) }, 'float32'),
    }));
    writeFileSync(path, serializeSafetensors(entries));
    const [before, after] = await Promise.all(
      [path, await convert(path, 'diffusers')].map(file => changeOf(readLora(file, base).lora.modules[0])),
    );
    const difference = Math.hypot(...(after.weight ?? []).map((x, i) => x - (before.weight?.[i] ?? 0)));
    // Sums in another order.
    expect(difference / Math.hypot(...(before.weight ?? []))).toBeLessThan(1e-6);
  });

  test.each(cases.filter(one => !isPlain(one)))('%s not to Diffusers', async (_, one) => {
    const out = join(temporaryFolder(), 'out.safetensors');
    await expect(convertLora(write(one), out, { to: 'diffusers' })).rejects.toMatchObject({
      code: 'CONVERT_NO_WORD',
      exit: 'badInput',
      message: expect.stringMatching(/has no word for Lo(Ha|Kr) \(15 modules\)/),
    });
    expect(existsSync(out)).toBe(false);
    expect(readdirSync(join(out, '..'))).toEqual([]);
  });
});
