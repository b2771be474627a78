/**
 * What a user does with a checkpoint of each family, in both layouts, at its real size: look at it, check it, train on it, draw with
 * it. The weights are random; that their numbers are used rightly is for real-*.test.ts.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openSafetensors, readTensor } from '../../src/files/index.ts';
import { type Outcome, start } from '../support/command-line.ts';
import { missingRoom } from '../support/hashed-files.ts';
import { type MakeOptions, makeCheckpoint } from '../support/make-checkpoint.ts';
import { pictureFolder, temporaryFolder } from '../support/pictures.ts';

const cases: readonly (MakeOptions & {
  readonly file: string;
  readonly says: string;
  readonly layers: number;
})[] = [
  { model: 'sd15', dtype: 'float16', file: 'sd15.safetensors', says: 'SD 1.x, base model', layers: 192 },
  {
    model: 'sd2',
    dtype: 'bfloat16',
    prediction: 'v_prediction',
    file: 'sd2',
    says: 'SD 2.x, base model, for pictures of 768',
    layers: 192,
  },
  { model: 'sdxl', dtype: 'float16', file: 'sdxl.safetensors', says: 'SDXL, base model', layers: 722 },
];

const missing = missingRoom({ diskGiB: 10, memoryGiB: 10 });
if (missing) console.log(`single files are left out: ${missing}`);

const lora = (...options: string[]): Promise<Outcome> => start(options).outcome;

describe.skipIf(missing)('as users bring them', () => {
  const folder = temporaryFolder();
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(cases)('$model', async ({ file, says, layers, ...options }) => {
    const base = join(folder, file);
    const out = join(folder, 'out.safetensors');
    const picture = join(folder, 'picture.png');
    await makeCheckpoint(base, options);
    try {
      const inspected = await lora('checkpoint', 'inspect', base);
      expect(inspected.stdout).toContain(says);
      expect(inspected.stdout).toContain('can be trained and drawn with');
      const small = ['--base', base, '--seed', '1'];
      const train = [
        '--resolution',
        '128',
        '--steps',
        '2',
        '--batch',
        '1',
        '--rank',
        '4',
        '--no-cache',
        '--lr',
        '0.001',
      ];
      const trained = await lora(
        'train',
        pictureFolder(1),
        ...small,
        ...train,
        '--caption',
        'stripes',
        '--out',
        out,
      );
      expect(trained.stderr).toContain(`${layers} layers`);
      expect(trained.status).toBe(0);
      const made = openSafetensors(out);
      const up = [...made.tensors.keys()].filter(name => name.endsWith('.lora_up.weight'));
      expect(up).toHaveLength(layers);
      expect(up.every(name => readTensor(made, name).data.some(x => x !== 0))).toBe(true);
      const draw = ['--size', '128', '--steps', '2', '--lora', out, '--out', picture];
      const drawn = await lora('generate', 'stripes', ...small, ...draw);
      expect(drawn.stderr).toContain(`${layers}/${layers} UNet`);
      expect(existsSync(picture)).toBe(true);
    } finally {
      for (const made of [base, out, picture]) rmSync(made, { recursive: true, force: true });
    }
  });
});
