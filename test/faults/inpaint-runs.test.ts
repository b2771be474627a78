/** Inpainting checkpoints from the command line: trained, stopped, killed, resumed to the last byte, drawn with. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { readPngText } from '../../src/files/index.ts';
import { openCheckpoint } from '../../src/models/index.ts';
import { start } from '../support/command-line.ts';
import { writeInpaintBase } from '../support/inpaint-base.ts';
import { pictureFolder, temporaryFolder } from '../support/pictures.ts';

/** Several whole processes, each with its own ONNX Runtime: seconds on a free machine, minutes on a busy one. */
vi.setConfig({ testTimeout: 300_000 });

const base = writeInpaintBase();
const folder = pictureFolder(3);
/** Masked pictures are encoded by the first run of each cache, and read back by those that resume it. */
const environment = (cache: string) => ({ SOURCE_DATE_EPOCH: '1700000000', XDG_CACHE_HOME: cache });
const recipe = [
  ...['--rank', '4', '--batch', '2', '--accumulate', '2', '--flip', '--lr', '2e-3', '--targets', 'attention'],
  ...['--steps', '40', '--save-every', '1'],
];

const train = (out: string, cache: string, ...options: string[]) =>
  start(
    ['train', folder, '--base', base, '--out', out, ...recipe, ...options],
    undefined,
    environment(cache),
  );

test('stopped, resumed, killed and resumed again: the file of a run that was left alone, and a LoRA that works', async () => {
  const [whole, parts] = [join(temporaryFolder(), 'x.safetensors'), join(temporaryFolder(), 'x.safetensors')];
  const cache = temporaryFolder();
  const uninterrupted = train(whole, temporaryFolder());
  const stopped = train(parts, cache);
  await stopped.seen('step00000002');
  stopped.process.kill('SIGINT');
  expect((await stopped.outcome).status).toBe(130);
  // 3 pictures of 2 shapes, upright and mirrored: their latents, 3 masks each, and everything hidden once a shape.
  expect(readdirSync(join(cache, 'lora-studio/latents')).filter(name => name !== 'texts')).toHaveLength(
    6 + 6 * 3 + 2,
  );
  const killed = train(parts, cache, '--resume');
  await killed.seen('.safetensors');
  killed.process.kill('SIGKILL');
  expect((await killed.outcome).stderr).toMatch(/resumed at step \d/);
  expect(existsSync(parts)).toBe(false);
  const resumed = await train(parts, cache, '--resume').outcome;
  expect(resumed.status, resumed.stderr).toBe(0);
  expect(resumed.stderr).toMatch(/resumed at step \d/);
  const { status, stderr } = await uninterrupted.outcome;
  expect(status, stderr).toBe(0);
  expect(stderr).toContain('tiny-inpainting: an inpainting model');
  expect(readFileSync(parts).equals(readFileSync(whole))).toBe(true);

  const draw = async (...options: string[]): Promise<Buffer> => {
    const out = join(temporaryFolder(), 'a.png');
    const settings = ['--base', base, '--out', out, '--seed', '5', '--steps', '4', '--size', '64x64'];
    const drawn = await start(['generate', 'a picture of stripes', ...settings, ...options]).outcome;
    expect(drawn.status, drawn.stderr).toBe(0);
    expect(drawn.stderr).toContain('tiny-inpainting: an inpainting model');
    return readFileSync(out);
  };
  const [plain, styled] = [await draw(), await draw('--lora', whole)];
  expect(styled.equals(plain)).toBe(false);
  expect(readPngText(plain).parameters).toContain('Conditional mask weight: 1.0');
});

test('the checkpoint is opened as what it is', () => {
  const { family, variant, unet, vae } = openCheckpoint(base);
  expect({ family, variant }).toEqual({ family: 'pocket', variant: 'inpaint' });
  expect([unet.config.inChannels, vae.config.latentChannels]).toEqual([9, 4]);
});
