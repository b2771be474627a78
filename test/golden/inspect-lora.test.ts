/** `lora inspect`'s measures against NumPy's on a file written by safetensors (tools/goldens/inspect_lora.py). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { floatTensorBytes, serializeSafetensors } from '../../src/files/index.ts';
import { inspectLora } from '../../src/lora/index.ts';
import { temporaryFolder } from '../support/pictures.ts';

const path = 'test/golden/data/inspect-lora.safetensors';
const golden: {
  modules: { name: string; rank: number; alpha: number; norm: number }[];
  blocks: Record<string, { modules: number; norm: number }>;
  targets: Record<string, number>;
  parameters: number;
} = JSON.parse(readFileSync(new URL('./data/inspect-lora.json', import.meta.url), 'utf8'));

/** Products and sums in float64 on both sides, in another order. */
const close = (actual: number, expected: number): boolean => Math.abs(actual / expected - 1) < 1e-12;

describe('a LoRA file', () => {
  const facts = inspectLora(path);

  test('‖ΔW‖ of every module and block', () => {
    const modules = [...facts.modules].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(modules.map(({ name, rank, alpha }) => ({ name, rank, alpha }))).toEqual(
      golden.modules.map(({ name, rank, alpha }) => ({ name, rank, alpha })),
    );
    for (const [i, { name, norm }] of modules.entries())
      expect(close(norm, golden.modules[i].norm), name).toBe(true);
    expect(facts.blocks.map(({ block }) => block).sort()).toEqual(Object.keys(golden.blocks).sort());
    for (const { block, modules: count, norm } of facts.blocks) {
      expect(count).toBe(golden.blocks[block].modules);
      expect(close(norm, golden.blocks[block].norm), block).toBe(true);
    }
  });

  test('kind, targets, ranks, parameters, metadata', () => {
    expect(Object.fromEntries(facts.targets.map(({ layer, modules }) => [layer, modules]))).toEqual(
      golden.targets,
    );
    expect(facts).toMatchObject({
      kind: 'locon', // a 3×3 convolution is among the targets
      dialect: 'kohya',
      ranks: [2, 3, 4],
      parameters: golden.parameters,
      metadata: { ss_network_dim: '4', ss_output_name: 'golden' },
      findings: [],
    });
    expect([...facts.dtypes].sort()).toEqual(['bfloat16', 'float16', 'float32']);
  });
});

describe('files with something wrong or of another kind', () => {
  const write = (tensors: Record<string, [shape: number[], fill: number]>): string => {
    const file = join(temporaryFolder(), 'x.safetensors');
    const entries = Object.entries(tensors).map(([name, [shape, fill]]) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(fill);
      return { name, dtype: 'float32' as const, shape, bytes: floatTensorBytes({ shape, data }, 'float32') };
    });
    writeFileSync(file, serializeSafetensors(entries));
    return file;
  };
  const name = 'lora_unet_mid_block_attentions_0_proj_in';

  test.each([
    ['loha', `${name}.hada_w1_a`],
    ['lokr', `${name}.lokr_w1`],
    ['dora', `${name}.dora_scale`],
    ['other', 'conv_in.weight'],
  ] as const)('%s', (kind, key) => {
    expect(inspectLora(write({ [key]: [[2, 2], 1] })).kind).toBe(kind);
  });

  test.each([
    ['inert', /inert/, { down: [[2, 3], 1], up: [[4, 2], 0] }],
    ['NaN', /NaN or infinity/, { down: [[2, 3], 1], up: [[4, 2], Number.NaN] }],
    ['no up', /no up matrix/, { down: [[2, 3], 1] }],
    ['ranks that differ', /no rank in common/, { down: [[2, 3], 1], up: [[4, 3], 1] }],
    ['no rank at all', /no rank in common/, { down: [[], 1], up: [[4, 2], 1] }],
  ] as const)('%s is found', (_, finding, parts: Record<string, readonly [readonly number[], number]>) => {
    const tensors = Object.fromEntries(
      Object.entries(parts).map(([part, [shape, fill]]) => [
        `${name}.lora_${part}.weight`,
        [[...shape], fill] as [number[], number],
      ]),
    );
    expect(inspectLora(write(tensors)).findings.join()).toMatch(finding);
  });
});
