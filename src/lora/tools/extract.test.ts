/** Extraction from models whose difference is known: what was added comes out again, and what is the same is left out. */
import { afterAll, describe, expect, test } from 'vitest';
import { randomLora } from '../../../test/support/loras.ts';
import { energyOf, openProducts, type Shape } from '../../engine/index.ts';
import { type Checkpoint, openCheckpoint, type WeightSource } from '../../models/index.ts';
import { type DeltaRequest, deltaOf } from '../kinds/delta.ts';
import type { LoraModule } from '../kinds/module.ts';
import { type ExtractOptions, extractLora } from './extract.ts';

const base = openCheckpoint('pretrained/pocket');
const products = openProducts();
afterAll(() => products.release());

const change = async (module: LoraModule, shape: Shape): Promise<Float32Array> => {
  const request: DeltaRequest = { strength: 1, shape, base: () => new Float32Array() };
  return (await deltaOf(module, request)).weight as Float32Array;
};

/** Weights with some of them changed, in memory. */
function changed(weights: WeightSource, changes: ReadonlyMap<string, Float32Array>): WeightSource {
  const read = (name: string): Float32Array => {
    const added = changes.get(name);
    return added ? weights.read(name).map((x, i) => x + added[i]) : weights.read(name);
  };
  return { ...weights, read, bytes: read };
}

const norm = (x: Float32Array): number => Math.sqrt(energyOf(x));

const partsOf = (checkpoint: Checkpoint) => ({ unet: checkpoint.unet, text_encoder: checkpoint.textEncoder });

/** The pocket model with a LoRA added in float32. */
async function tunedWith(modules: readonly LoraModule[]): Promise<Checkpoint> {
  const weightsOf = async (part: 'unet' | 'text_encoder'): Promise<WeightSource> => {
    const { weights } = partsOf(base)[part];
    const own = modules.filter(({ target }) => target.startsWith(`${part}.`));
    const entries = own.map(async module => {
      const name = `${module.target.slice(part.length + 1)}.weight`;
      return [name, await change(module, weights.shape(name))] as const;
    });
    return changed(weights, new Map(await Promise.all(entries)));
  };
  const unet = { ...base.unet, weights: await weightsOf('unet') };
  const textEncoder = { ...base.textEncoder, weights: await weightsOf('text_encoder') };
  return { ...base, name: 'tuned', path: 'tuned', unet, textEncoder };
}

const extract = (tuned: Checkpoint, options: Omit<ExtractOptions, 'products'>) =>
  extractLora(tuned, base, { ...options, products });

const shapeOf = ({ target }: LoraModule): Shape => {
  const [part, ...path] = target.split('.');
  return partsOf(base)[part as 'unet'].weights.shape(`${path.join('.')}.weight`);
};

describe('a LoRA that was merged', () => {
  const lora = randomLora(base, { seed: 5, rank: 3 });

  test('comes out again, convolutions and text encoder too', async () => {
    const tuned = await tunedWith(lora.modules);
    const rule = { by: 'rank', value: 4, convRank: 3 } as const;
    const found = await extract(tuned, { rule });
    const inside = new Map(lora.modules.map(module => [module.target, module]));
    expect(found.modules.length).toBe(inside.size);
    for (const module of found.lora.modules) {
      const shape = shapeOf(module);
      const wanted = await change(inside.get(module.target) as LoraModule, shape);
      const made = await change(module, shape);
      const error = norm(made.map((x, i) => x - wanted[i])) / norm(wanted);
      // The sum of weight and change was rounded to float32: 6e-8 of a weight that is larger than the change.
      expect(error).toBeLessThan(1e-5);
      expect(module.alpha).toBe(module.rank);
      expect(module.tensors.down?.shape.slice(1)).toEqual(shape.slice(1));
    }
    expect(found.modules.every(({ kept }) => kept > 0.99999)).toBe(true);
  });

  test('a part of the energy takes no more ranks than are there', async () => {
    const tuned = await tunedWith(lora.modules);
    const found = await extract(tuned, { rule: { by: 'keep', value: 0.9999 } });
    for (const { after, kept } of found.modules) {
      expect(after).toBeLessThanOrEqual(3);
      expect(kept).toBeGreaterThanOrEqual(0.9999);
    }
  });

  test('layers that are the same are left out and told', async () => {
    const some = lora.modules.filter(({ target }) => /attn2\.to_q$/.test(target));
    const found = await extract(await tunedWith(some), { rule: { by: 'rank', value: 2 } });
    expect(found.lora.modules.map(({ target }) => target).sort()).toEqual(
      some.map(({ target }) => target).sort(),
    );
    expect(found.unchanged.length).toBeGreaterThan(some.length);
    expect(found.unchanged).not.toContain(some[0].target);
  });

  test('says of what it was made, without paths', async () => {
    const { lora: made } = await extract(await tunedWith(lora.modules), { rule: { by: 'rank', value: 3 } });
    expect(made.metadata.ss_network_dim).toBe('3');
    expect(made.metadata.ss_training_comment).toBe(`extracted from tuned, base ${base.name}`);
    expect(Object.values(made.metadata).some(value => value.includes(process.cwd()))).toBe(false);
  });
});

describe('what cannot be extracted', () => {
  const rule = { by: 'rank', value: 4 } as const;

  test('two equal models', async () => {
    await expect(extract(base, { rule })).rejects.toMatchObject({
      code: 'EXTRACT_NO_DIFFERENCE',
      exit: 'badInput',
    });
  });

  test('another family, by name', async () => {
    const other = { ...base, path: 'xl.safetensors', family: 'sdxl' as const };
    await expect(extract(other, { rule })).rejects.toMatchObject({
      code: 'EXTRACT_WRONG_FAMILY',
      message: expect.stringContaining('xl.safetensors is SDXL'),
    });
  });

  test('NaN, with the layer', async () => {
    const target = [...base.unet.weights.names()].find(name => /attn1\.to_q\.weight$/.test(name)) as string;
    const count = base.unet.weights.read(target).length;
    const changes = new Map([[target, new Float32Array(count).fill(Number.NaN, 7, 8)]]);
    const tuned = { ...base, unet: { ...base.unet, weights: changed(base.unet.weights, changes) } };
    await expect(extract(tuned, { rule })).rejects.toMatchObject({
      code: 'CHECKPOINT_NOT_FINITE',
      message: expect.stringContaining('attn1.to_q'),
    });
  });

  test.each([
    [{ by: 'rank', value: 0 }],
    [{ by: 'rank', value: 2.5 }],
    [{ by: 'keep', value: 1.5 }],
    [{ by: 'rank', value: 4, convRank: -1 }],
  ] as const)('a rule that is none: %o', async wrong => {
    await expect(extract(base, { rule: wrong })).rejects.toMatchObject({ code: 'RANK_RULE' });
  });

  test('layers that are not there', async () => {
    await expect(extract(base, { rule, targets: '*.nothing' })).rejects.toMatchObject({
      code: 'TARGET_UNKNOWN',
    });
  });
});
