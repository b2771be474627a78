/** `lora convert` as a user calls it: the same LoRA in every dialect draws the same picture. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { runHere } from '../../../test/support/command-line.ts';
import { randomLora, writeTestLora } from '../../../test/support/loras.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { readPngText } from '../../files/index.ts';
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
