/** `lora inspect` and `lora diff` against NumPy with full matrices, on files by safetensors (tools/goldens/inspect_lora.py). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { floatTensorBytes, serializeSafetensors } from '../../src/files/index.ts';
import { diffLoras, inspectLora, type LoraFacts } from '../../src/lora/index.ts';
import { temporaryFolder } from '../support/pictures.ts';

const path = 'test/golden/data/inspect-lora.safetensors';
const other = 'test/golden/data/inspect-other.safetensors';

interface GoldenModule {
  readonly target: string;
  readonly kind: string;
  readonly rank: number;
  readonly alpha: number | null;
  readonly norm: number;
  readonly singularValues: readonly number[];
  readonly stableRank: number;
  readonly effectiveRank: number;
  readonly biasNorm?: number;
}

const golden: {
  readonly modules: readonly GoldenModule[];
  readonly blocks: Record<string, { readonly modules: number; readonly norm: number }>;
  readonly targets: Record<string, number>;
  readonly parameters: number;
  readonly pair: {
    readonly modules: readonly { target: string; cosine: number; distance: number }[];
    readonly cosine: number;
    readonly distance: number;
  };
} = JSON.parse(readFileSync(new URL('./data/inspect-lora.json', import.meta.url), 'utf8'));

/**
 * Two matrices and their product stay in float64 on both sides; where three or more are multiplied (Tucker, LoHa), the
 * product on this side is float32, which is 1e-7 of a norm.
 */
const close = (actual: number, expected: number): boolean =>
  Math.abs(actual - expected) <= 1e-6 * Math.abs(expected);

describe('a file with modules of every kind that needs no base', async () => {
  const { facts } = await inspectLora(path);
  const byTarget = new Map(facts.modules.map(module => [module.target, module]));

  test.each(golden.modules)('$kind $target', expected => {
    const module = byTarget.get(expected.target);
    expect(close(module?.norm ?? 0, expected.norm)).toBe(true);
    if (expected.biasNorm !== undefined) expect(close(module?.biasNorm ?? 0, expected.biasNorm)).toBe(true);
    if (expected.kind === 'norm') return; // a vector has no directions
    // The large LoHa is measured without its matrix, whose singular values stay unknown.
    if (module?.spectrum === undefined) return expect(expected.target).toMatch(/attn2\.to_q$/);
    const { singularValues, stableRank, effectiveRank } = module.spectrum;
    const [largest] = expected.singularValues;
    // A squared matrix keeps half of the digits of small singular values: 1e-8 of the largest.
    for (const [i, value] of expected.singularValues.entries())
      expect(Math.abs((singularValues[i] ?? 0) - value)).toBeLessThan(1e-6 * largest);
    expect(close(stableRank, expected.stableRank)).toBe(true);
    expect(close(effectiveRank, expected.effectiveRank)).toBe(true);
  });

  test('all modules, by block and by layer', () => {
    expect(facts.modules.length).toBe(golden.modules.length);
    expect(facts.blocks.map(({ block }) => block)).toEqual(Object.keys(golden.blocks)); // in model order
    for (const { block, modules, norm } of facts.blocks) {
      expect(modules).toBe(golden.blocks[block].modules);
      expect(close(norm ?? 0, golden.blocks[block].norm), block).toBe(true);
    }
    const targets = Object.fromEntries(facts.targets.map(({ layer, modules }) => [layer, modules]));
    expect(targets).toEqual(golden.targets);
  });

  test('the file', () => {
    expect(facts).toMatchObject({
      dialect: 'kohya',
      ranks: [2, 3, 4, 9],
      parameters: golden.parameters,
      tensors: { skipped: [] },
      coverage: [
        { part: 'unet', modules: 11, others: 6 },
        { part: 'text_encoder', modules: 2, others: 0 },
      ],
      metadata: { ss_network_dim: '4', ss_output_name: 'golden' },
    });
    expect(facts.tensors.used).toBe(facts.tensors.all);
    expect(facts.dtypes.map(({ dtype }) => dtype).sort()).toEqual(['bfloat16', 'float16', 'float32']);
    expect(facts.kinds.map(({ kind, modules }) => `${kind} ${modules}`)).toEqual([
      ...['LoRA 7', 'LoCon 2', 'LoHa 4', 'LoKr 4', 'full difference 1', 'norms 1'],
    ]);
  });
});

describe('two files', () => {
  test('distance and cosine of every shared module, and of all together', async () => {
    const difference = await diffLoras(path, other);
    expect(difference.modules.map(({ target }) => target).sort()).toEqual(
      golden.pair.modules.map(({ target }) => target).sort(),
    );
    for (const expected of golden.pair.modules) {
      const { cosine, distance } = difference.modules.find(({ target }) => target === expected.target) ?? {};
      expect(Math.abs((cosine ?? 2) - expected.cosine), expected.target).toBeLessThan(1e-6);
      expect(close(distance ?? 0, expected.distance), expected.target).toBe(true);
    }
    expect(Math.abs((difference.cosine ?? 2) - golden.pair.cosine)).toBeLessThan(1e-6);
    expect(close(difference.distance, golden.pair.distance)).toBe(true);
    expect(difference).toMatchObject({ verdict: 'different', isSame: false });
    expect(difference.onlyInA.length).toBe(golden.modules.length - golden.pair.modules.length);
    expect(difference.onlyInB).toEqual(['text_encoder.text_model.encoder.layers.3.self_attn.v_proj']);
  });

  test('a file and itself', async () => {
    expect(await diffLoras(path, path)).toMatchObject({ verdict: 'file', isSame: true, distance: 0 });
  });
});

describe('files with something wrong', () => {
  type Tensors = Record<string, readonly [shape: readonly number[], fill: number]>;
  const write = (tensors: Tensors, metadata: Record<string, string> = {}): string => {
    const file = join(temporaryFolder(), 'x.safetensors');
    const entries = Object.entries(tensors).map(([name, [shape, fill]]) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(fill);
      return { name, dtype: 'float32' as const, shape, bytes: floatTensorBytes({ shape, data }, 'float32') };
    });
    writeFileSync(file, serializeSafetensors(entries, metadata));
    return file;
  };
  const inspect = async (tensors: Tensors, metadata?: Record<string, string>): Promise<LoraFacts> =>
    (await inspectLora(write(tensors, metadata))).facts;
  const codes = ({ findings }: LoraFacts): string[] => findings.map(({ code }) => code);
  const name = 'lora_unet_mid_block_attentions_0_proj_in';
  const second = 'lora_unet_mid_block_attentions_0_proj_out';
  const pair = (module: string, down = 0.1, up = 0.1): Tensors => ({
    [`${module}.lora_down.weight`]: [[2, 3], down],
    [`${module}.lora_up.weight`]: [[4, 2], up],
  });

  test.each([
    ['inert', 'INERT', pair(name, 1, 0)],
    ['of another model', 'OTHER_MODEL', pair('transformer.double_blocks.0.img_attn.qkv')],
    ['one dead module', 'DEAD_MODULES', { ...pair(name), ...pair(second, 1, 0) }],
    ['NaN', 'NOT_FINITE', pair(name, 1, Number.NaN)],
    ['no up', 'NO_MODULE', { [`${name}.lora_down.weight`]: [[2, 3], 1] as const }],
    [
      'half a pair beside a whole one',
      'SKIPPED',
      { ...pair(name), [`${second}.lora_up.weight`]: [[4, 2], 1] as const },
    ],
    ['alpha 0', 'ALPHA_ZERO', { ...pair(name), [`${name}.alpha`]: [[], 0] as const }],
    ['negative alpha', 'NEGATIVE_ALPHA', { ...pair(name), [`${name}.alpha`]: [[], -1] as const }],
    ['very strong', 'STRONG', pair(name, 3, 3)],
    [
      'IA³ without its base',
      'NEEDS_BASE',
      { [`${name}.weight`]: [[4], 1], [`${name}.on_input`]: [[], 0] } as Tensors,
    ],
    [
      'DoRA without its base',
      'FACTORS_ONLY',
      { ...pair(name), [`${name}.dora_scale`]: [[4, 1], 1] as const },
    ],
  ] as const)('%s is told', async (_, code, tensors: Tensors) => {
    expect(codes(await inspect(tensors))).toContain(code);
  });

  test('metadata that disagree with the tensors', async () => {
    const facts = await inspect(pair(name), { ss_network_dim: '16', sshs_model_hash: 'a'.repeat(64) });
    expect(codes(facts)).toEqual(expect.arrayContaining(['RANK_DISAGREES', 'HASH_DISAGREES']));
    expect(codes(await inspect(pair(name), { ss_network_dim: '2' }))).toEqual([]);
  });

  test('a healthy file has no findings, and what is no LoRA is refused by name', async () => {
    expect(codes(await inspect(pair(name)))).toEqual([]);
    await expect(inspectLora(write({ 'conv_in.weight': [[2, 2], 1] }))).rejects.toMatchObject({
      code: 'LORA_IS_CHECKPOINT',
      exit: 'badInput',
    });
  });
});
