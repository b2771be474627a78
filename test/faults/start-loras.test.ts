/** `lora train --continue` and `--base-lora`: what they say, what they write, what they refuse. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { openSafetensors, readTensor } from '../../src/files/index.ts';
import { type LoraWeights, writeLora } from '../../src/lora/index.ts';
import { openCheckpoint } from '../../src/models/index.ts';
import { start } from '../support/command-line.ts';
import { randomLora } from '../support/loras.ts';
import { pictureFolder, temporaryFolder } from '../support/pictures.ts';

vi.setConfig({ testTimeout: 300_000 });

const folder = pictureFolder(2);
const lora = join(temporaryFolder(), 'start.safetensors');
const made = randomLora(openCheckpoint('pretrained/pocket'), {
  ...{ seed: 1, rank: 3, targets: /mid_block.*attn2|self_attn/, size: 0.3 },
});
beforeAll(() => writeLora(lora, made, { dtype: 'float32' }));

const newOut = (): string => join(temporaryFolder(), 'x.safetensors');
const train = (out: string, ...options: string[]) =>
  start([
    'train',
    folder,
    '--out',
    out,
    '--steps',
    '2',
    '--batch',
    '1',
    '--no-cache',
    '--lr',
    '1e-4',
    ...options,
  ]);

const tensors = (path: string) => {
  const file = openSafetensors(path);
  return new Map([...file.tensors.keys()].map(name => [name, readTensor(file, name)]));
};

test('--continue: the same layers, moved by two steps at most', async () => {
  const out = newOut();
  const { status, stderr } = await train(out, '--continue', lora).outcome;
  expect(status, stderr).toBe(0);
  expect(stderr).toContain(`goes on from ${lora}: `);
  expect(stderr).toContain(`${made.modules.length} layers`);
  const [before, after] = [tensors(lora), tensors(out)];
  expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
  for (const [name, { shape, data }] of after) {
    const old = before.get(name)?.data ?? [];
    expect(shape).toEqual(before.get(name)?.shape);
    // AdamW moves a number by about the rate a step.
    const moved = Math.max(...data.map((x, i) => Math.abs(x - old[i])));
    expect(moved, name).toBeLessThan(2.5e-4);
    if (!name.endsWith('.alpha')) expect(moved, name).toBeGreaterThan(1e-6);
  }
});

test('stopped and resumed with it; without it the run is another', async () => {
  const out = newOut();
  const options = ['--continue', lora, '--save-every', '1', '--steps', '30'];
  const stopped = train(out, ...options);
  await stopped.seen('step00000001');
  stopped.process.kill('SIGINT');
  expect((await stopped.outcome).status).toBe(130);
  const other = await train(out, '--save-every', '1', '--steps', '30', '--resume').outcome;
  expect(`${other.status} ${other.stderr}`).toContain('RUN_STATE_OTHER');
  const resumed = await train(out, ...options, '--resume').outcome;
  expect(resumed.status, resumed.stderr).toBe(0);
  expect(resumed.stderr).toMatch(/resumed at step \d/);
});

test('--base-lora: it is told, and the new file holds the new LoRA only', async () => {
  const out = newOut();
  const { status, stderr } = await train(
    out,
    '--base-lora',
    `${lora}:0.5`,
    '--rank',
    '2',
    '--targets',
    'mid_block*attn2*',
  ).outcome;
  expect(status, stderr).toBe(0);
  expect(stderr).toContain(`the base has ${lora} at 0.5: `);
  const ups = [...tensors(out)].filter(([name]) => name.endsWith('lora_up.weight'));
  expect(ups.map(([, { shape }]) => shape[1])).toEqual(ups.map(() => 2));
});

const otherFamily: LoraWeights = {
  modules: [
    {
      ...{
        target: 'unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k',
        kind: 'lora',
        rank: 2,
        alpha: 2,
      },
      tensors: {
        down: { shape: [2, 2048], data: new Float32Array(4096).fill(0.1) },
        up: { shape: [1280, 2], data: new Float32Array(2560).fill(0.1) },
      },
    },
  ],
  metadata: {},
};

test.each([
  ['a rank beside --continue', ['--rank', '4'], 2, 'RECIPE_INVALID'],
  ['a LoRA of another family', [], 3, 'LORA_WRONG_MODEL'],
])('%s is refused before anything is written', async (what, options, exit, code) => {
  const [out, other] = [newOut(), join(temporaryFolder(), 'xl.safetensors')];
  await writeLora(other, otherFamily, { dtype: 'float32' });
  const from = what.includes('family') ? other : lora;
  const { status, stderr } = await train(out, '--continue', from, ...options).outcome;
  expect(stderr).toContain(`error ${code}`);
  expect(status).toBe(exit);
  expect(existsSync(out)).toBe(false);
});
