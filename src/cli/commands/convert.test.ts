/** `lora convert` as a user calls it: the same LoRA in every dialect draws the same picture. */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { runHere } from '../../../test/support/command-line.ts';
import { loraFile, tensor } from '../../../test/support/lora-files.ts';
import { randomKind, randomLora, writeTestLora } from '../../../test/support/loras.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import type { Tensor } from '../../engine/index.ts';
import { openSafetensors, readPngText } from '../../files/index.ts';
import type { LoraModule, LoraWeights } from '../../lora/index.ts';
import { openCheckpoint } from '../../models/index.ts';
import { convertCommand } from './convert.ts';
import { generateCommand } from './generate.ts';

const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);

async function draw(lora: string): Promise<{ pixels: Buffer; said: string; parameters: string }> {
  const out = join(temporaryFolder(), 'picture.png');
  const options = ['--strict', '--steps', '2', '--size', '32x32', '--seed', '5', '--out', out];
  const { status, stderr } = await runHere(generateCommand(), 'a red car', '--lora', lora, ...options);
  expect(status, stderr).toBe(0);
  const { parameters } = readPngText(readFileSync(out), out);
  return { pixels: await sharp(out).raw().toBuffer(), said: stderr, parameters };
}

test('kohya → Diffusers → PEFT → kohya', async () => {
  const kohya = path('kohya.safetensors');
  // alpha/rank is 1/2, which rounds nothing when it is moved into B.
  writeTestLora(kohya, randomLora(openCheckpoint('pretrained/pocket'), { seed: 1, rank: 4 }));
  const first = await draw(kohya);
  expect(first.said).toMatch(
    /LoRA, LoCon of rank 4, alpha 2, for pocket, kohya names; \d+ tensors used, 0 skipped/,
  );
  let last = kohya;
  for (const [to, name, names] of [
    ['diffusers', 'diffusers.safetensors', 'Diffusers'],
    ['peft', 'peft', 'PEFT'],
    ['kohya', 'back.safetensors', 'kohya'],
  ]) {
    const arguments_ = [last, '--to', to, '--out', path(name), '--json'];
    const { status, stdout, stderr } = await runHere(convertCommand(), ...arguments_);
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ to, dtype: 'float32' });
    const { pixels, said, parameters } = await draw(path(name));
    expect(said).toContain(`${names} names`);
    expect(said).toContain(', 0 skipped');
    expect(pixels.equals(first.pixels)).toBe(true);
    expect(parameters).toMatch(/Lora hashes: "\w+: [0-9a-f]{12}"/);
    last = path(name);
  }
});

/** DoRA with a magnitude for each input, near the norms of the base, so that a picture is left. */
function byInputs(lora: LoraWeights): LoraModule[] {
  const { weights } = openCheckpoint('pretrained/pocket').unet;
  return lora.modules.map(module => {
    const name = `${module.target.slice('unet.'.length)}.weight`;
    const [, inside, ...kernel] = weights.shape(name);
    const area = kernel.reduce((a, b) => a * b, 1);
    const sums = new Float64Array(inside);
    for (const [i, x] of weights.read(name).entries()) sums[Math.floor(i / area) % inside] += x * x;
    const data = Float32Array.from(sums, (sum, i) => Math.sqrt(sum) * (i % 2 ? 1.1 : 0.8));
    const magnitude: Tensor = { shape: [1, inside, ...kernel.map(() => 1)], data };
    return { ...module, tensors: { ...module.tensors, magnitude } };
  });
}

const meanDifference = (a: Buffer, b: Buffer): number =>
  a.reduce((sum, x, i) => sum + Math.abs(x - b[i]), 0) / a.length;

describe('--bake', () => {
  const pocket = openCheckpoint('pretrained/pocket');
  const kinds = path('kinds.safetensors');
  const dora = randomLora(pocket, {
    seed: 3,
    rank: 2,
    targets: /^unet\.up_blocks\.0\..*(?:attn1\.to_q|resnets\.0\.conv2)$/,
  });
  const loha = randomKind(pocket, 'loha', {
    seed: 4,
    targets: /^unet\.up_blocks\.0\..*(?:attn1\.to_v|proj_in|resnets\.1\.conv2)$/,
  });
  const metadata = {
    ss_network_module: 'lycoris.kohya',
    ss_network_args: '{"algo": "loha", "dora_wd": "True", "preset": "attn-mlp"}',
  };
  writeTestLora(kinds, { modules: [...byInputs(dora), ...loha.modules], metadata });
  const convert = (...options: string[]) => runHere(convertCommand(), kinds, ...options);

  test('DoRA by inputs and LoHa of full rank draw the same picture as plain LoRA, of rank 1 another', async () => {
    const first = await draw(kinds);
    const baking = ['--bake', '--base', 'pocket', '--json'];
    for (const to of ['kohya', 'diffusers', 'peft']) {
      const out = path(to === 'peft' ? 'baked' : `baked-${to}.safetensors`);
      const { status, stdout, stderr } = await convert('--to', to, '--out', out, ...baking, '--keep', '1');
      expect(status, stderr).toBe(0);
      const { modules, baked, kept } = JSON.parse(stdout);
      expect(baked).toHaveLength(modules);
      expect(kept.least).toBeCloseTo(1, 6);
      const { pixels, said } = await draw(out);
      expect(said).toMatch(/LoRA(?:, LoCon)? of rank [^;]*, for \w+, \w+ names; \d+ tensors used, 0 skipped/);
      // float32 in another order: a pixel in some hundreds is rounded to the value beside it.
      expect(meanDifference(pixels, first.pixels)).toBeLessThan(0.02);
    }
    const low = path('low.safetensors');
    const { status, stdout } = await convert('--to', 'kohya', '--out', low, ...baking, '--rank', '1');
    expect([status, JSON.parse(stdout).kept.least < 0.9]).toEqual([0, true]);
    expect(meanDifference((await draw(low)).pixels, first.pixels)).toBeGreaterThan(0.5);
  });

  test('the default keeps 0.99 of the energy and says so; metadata say what was done', async () => {
    const out = path('usual.safetensors');
    const options = ['--to', 'kohya', '--out', out, '--bake', '--base', 'pocket'];
    const { status, stdout, stderr } = await convert(...options, '--json');
    expect(status, stderr).toBe(0);
    const { baked } = JSON.parse(stdout) as { baked: { after: number; kept: number }[] };
    expect(baked.filter(({ after, kept }) => after > 128 || (after < 128 && kept < 0.99))).toEqual([]);
    await rm(out);
    const { stdout: text } = await convert(...options);
    expect(text).toMatch(
      /baked 8 modules: rank 2 → \d+ to 128; energy kept: median [\d.]+ %, least [\d.]+ %/,
    );
    const said = openSafetensors(out).metadata;
    expect(said).toMatchObject({
      ss_network_module: 'networks.lora',
      ss_network_dim: 'Dynamic',
      ss_training_comment: 'baked to plain LoRA with keep: 0.99',
    });
    expect(JSON.parse(said.ss_network_args)).toEqual({ preset: 'attn-mlp' });
  });

  test('without it the hint says how', async () => {
    const { status, stderr } = await convert('--to', 'diffusers', '--out', path('no.safetensors'));
    expect(status).toBe(3);
    expect(stderr).toContain('Add --bake and --base with its base model to make plain LoRA of them');
  });

  test('without a base, 1×1 convolutions and kernels have the shapes that Diffusers gives them', async () => {
    const block = 'lora_unet_down_blocks_0_';
    const flat = (name: string, inside: number) => [
      ...['hada_w1_a', 'hada_w2_a'].map(role => tensor(`${block}${name}.${role}`, [320, 2])),
      ...['hada_w1_b', 'hada_w2_b'].map(role => tensor(`${block}${name}.${role}`, [2, inside])),
    ];
    const file = loraFile([
      ...flat('attentions_0_proj_in', 320),
      ...flat('resnets_0_conv1', 2880),
      ...flat('attentions_0_transformer_blocks_0_attn2_to_k', 768),
    ]);
    const out = path('shapes.safetensors');
    const rank = ['--bake', '--rank', '4', '--json'];
    const { status, stdout } = await runHere(
      convertCommand(),
      file,
      '--to',
      'diffusers',
      '--out',
      out,
      ...rank,
    );
    // The product of two matrices of rank 2, number by number, has rank 4.
    expect([status, JSON.parse(stdout).kept.least > 1 - 1e-6]).toEqual([0, true]);
    const tensors = openSafetensors(out).tensors;
    const unet = 'unet.down_blocks.0.';
    expect(tensors.get(`${unet}attentions.0.proj_in.lora_A.weight`)?.shape).toEqual([4, 320, 1, 1]);
    expect(tensors.get(`${unet}resnets.0.conv1.lora_A.weight`)?.shape).toEqual([4, 320, 3, 3]);
    expect(tensors.get(`${unet}attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight`)?.shape).toEqual([
      4, 768,
    ]);
  });

  test('DoRA on some layers only is baked for PEFT, on all it is not', async () => {
    const dora = randomLora(pocket, { seed: 5, rank: 2, targets: /^unet\.mid_block\..*attn1\.to_[qk]$/ });
    const magnitude: Tensor = { shape: [160, 1], data: new Float32Array(160).fill(1) };
    const modules = dora.modules.map(module => ({ ...module, tensors: { ...module.tensors, magnitude } }));
    const plain = randomLora(pocket, { seed: 5, rank: 2, targets: /^unet\.mid_block\..*attn1\.to_v$/ });
    for (const [name, beside, baked] of [
      ['all', [], 0],
      ['some', plain.modules, 2],
    ] as const) {
      const file = path(`${name}.safetensors`);
      writeTestLora(file, { modules: [...modules, ...beside], metadata: {} });
      const options = ['--to', 'peft', '--out', path(name), '--bake', '--base', 'pocket', '--json'];
      const { status, stdout, stderr } = await runHere(convertCommand(), file, ...options);
      expect(status, stderr).toBe(0);
      expect(JSON.parse(stdout).baked).toHaveLength(baked);
    }
  });
});
