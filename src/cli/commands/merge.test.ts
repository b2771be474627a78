import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHere } from '../../../test/support/command-line.ts';
import { kindMakers, randomKind, randomLora, writeTestLora } from '../../../test/support/loras.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { hashFile, openSafetensors } from '../../files/index.ts';
import { appliedModules, type LoraWeights, mergeIntoCheckpoint, serializeLora } from '../../lora/index.ts';
import { openCheckpoint } from '../../models/index.ts';
import { basePath, openPocket } from '../../workbench/index.ts';
import { mergeCommand } from './merge.ts';

const pocket = openPocket();
const targets = /mid_block\.attentions\.0\.transformer_blocks\.0\.attn1\.to_[qk]$/;
const small = randomLora(pocket, { seed: 3, rank: 4, targets });

function space(lora: LoraWeights = small) {
  const folder = temporaryFolder();
  const file = join(folder, 'style.safetensors');
  writeTestLora(file, lora);
  return { folder, file, out: join(folder, 'merged') };
}

const merge = (file: string, out: string, ...more: string[]) =>
  runHere(mergeCommand(), file, '--base', 'pocket', '--out', out, ...more);

test('says what was merged, by names and hashes and without paths', async () => {
  const { folder, file, out } = space();
  const { status, stdout } = await merge(`${file}:0.7`, out, '--json');
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    layout: 'folder',
    changed: 2,
    loras: [{ name: 'style', strength: 0.7 }],
  });
  const unet = 'unet/diffusion_pytorch_model.safetensors';
  const { metadata } = openSafetensors(join(out, unet));
  expect(JSON.parse(metadata['lora_studio.merges'])).toEqual([
    {
      base: { name: 'pocket', sha256: await hashFile(join(basePath('pocket'), unet)) },
      loras: [
        { name: 'style', hash: expect.stringMatching(/^[0-9a-f]{64}$/), strength: 0.7, textStrength: 0.7 },
      ],
      version: expect.any(String),
    },
  ]);
  expect(JSON.stringify(metadata)).not.toContain(folder);
  // Merged again, the earlier merge is still told.
  const again = await runHere(mergeCommand(), file, '--base', out, '--out', `${out}2`);
  expect(again.status).toBe(0);
  const merges = JSON.parse(openSafetensors(join(`${out}2`, unet)).metadata['lora_studio.merges']);
  expect(merges.map((one: { base: { name: string } }) => one.base.name)).toEqual(['pocket', 'merged']);
});

test.each(Object.keys(kindMakers))('%s merges, and the result opens', async kind => {
  const { file, out } = space(
    randomKind(pocket, kind, { seed: 1, targets: /mid_block\.resnets\.0\.conv1$/ }),
  );
  const { status, stderr } = await merge(file, out, '--strict');
  expect(stderr + String(status)).toMatch(/0$/);
  expect(openCheckpoint(out).family).toBe('pocket');
});

/** The embedded model's LoRA with one number of it replaced. */
function withNumber(value: number): LoraWeights {
  const [first, ...others] = small.modules;
  const up = first.tensors.up as { shape: number[]; data: Float32Array };
  const data = up.data.slice();
  data[5] = value;
  return { ...small, modules: [{ ...first, tensors: { ...first.tensors, up: { ...up, data } } }, ...others] };
}

const sd15: LoraWeights = {
  metadata: {},
  modules: ['to_k', 'to_v'].map(layer => ({
    target: `unet.mid_block.attentions.0.transformer_blocks.0.attn2.${layer}`,
    ...{ kind: 'lora', rank: 4, alpha: 4 },
    tensors: {
      down: { shape: [4, 768], data: new Float32Array(4 * 768).fill(0.1) },
      up: { shape: [1280, 4], data: new Float32Array(1280 * 4).fill(0.1) },
    },
  })),
};

const refused: readonly [
  what: string,
  lora: LoraWeights,
  strength: string,
  code: string,
  exit: number,
  says: RegExp,
][] = [
  ['a LoRA of another family', sd15, '1', 'LORA_WRONG_MODEL', 3, /SD 1\.x/],
  ['strength 0', small, '0', 'MERGE_NOTHING', 2, /every strength is 0/],
  [
    'a result too large for float16',
    small,
    '1e7',
    'WEIGHT_TOO_LARGE',
    3,
    /attn1\.to_[qk]\.weight would become .* float16/,
  ],
];

test.each(refused)('%s is refused and leaves nothing', async (_, lora, strength, code, exit, says) => {
  const { folder, file, out } = space(lora);
  const { status, stderr } = await merge(`${file}:${strength}`, out);
  expect(stderr).toContain(`error ${code}`);
  expect(stderr).toMatch(says);
  expect(status).toBe(exit);
  expect(readdirSync(folder)).toEqual(['style.safetensors']);
});

test('NaN in a LoRA is refused with its tensor', async () => {
  const { folder, file, out } = space();
  const bytes = serializeLora(small, { dtype: 'float32' }).bytes.slice();
  const { tensors } = openSafetensors(file);
  const entry = [...tensors.values()].find(({ name }) => name.endsWith('lora_up.weight')) as {
    offset: number;
    name: string;
  };
  new DataView(bytes.buffer, bytes.byteOffset).setFloat32(entry.offset + 20, Number.NaN, true);
  writeFileSync(file, bytes);
  const { status, stderr } = await merge(file, out);
  expect(stderr).toContain('LORA_NOT_FINITE');
  expect(stderr).toContain(entry.name);
  expect(status).toBe(3);
  expect(readdirSync(folder)).toEqual(['style.safetensors']);
});

test('NaN in the base is not blamed on the LoRA', async () => {
  const { folder, out } = space();
  const base = join(folder, 'base');
  cpSync(basePath('pocket'), base, { recursive: true });
  const checkpoint = openCheckpoint(base);
  const lora = {
    ...withNumber(Number.NaN),
    name: 'style',
    hash: '0'.repeat(64),
    lora: withNumber(Number.NaN),
    strength: 1,
  };
  const error = await mergeIntoCheckpoint(checkpoint, out, [lora]).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'WEIGHT_TOO_LARGE' });
  expect(existsSync(out)).toBe(false);
});

test('what is there is never touched', async () => {
  const { file, out } = space();
  mkdirSync(out);
  writeFileSync(join(out, 'mine'), 'mine');
  expect((await merge(file, out)).stderr).toContain('error OUT_EXISTS');
  expect(readdirSync(out)).toEqual(['mine']);
  expect((await merge(file, `${out}.safetensors`)).stderr).toContain('error OUT_OTHER_LAYOUT');
});

test('an interrupted merge leaves nothing', async () => {
  const { folder, file, out } = space();
  const controller = new AbortController();
  const lora = { lora: small, name: 'style', hash: '0'.repeat(64), strength: 1 };
  const run = mergeIntoCheckpoint(pocket, out, [lora], {
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  await expect(run).rejects.toMatchObject({ name: 'AbortError' });
  expect(readdirSync(folder)).toEqual([file.slice(folder.length + 1)]);
});

test('strengths by part and by block', () => {
  const lora = randomLora(pocket, { seed: 1, rank: 2, targets: /to_q$|layers\.0\.self_attn\.q_proj$/ });
  const applied = appliedModules(
    [{ lora, strength: 0.5, textStrength: 2, blocks: new Map([['BASE', 0.25]]) }],
    'sd15',
  );
  for (const { module, strength } of applied)
    expect(strength, module.target).toBe(module.target.startsWith('text_encoder') ? 0.5 : 0.5);
  expect(applied.some(({ module }) => module.target.startsWith('text_encoder'))).toBe(true);
});
