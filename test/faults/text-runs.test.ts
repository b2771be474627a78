/** Text encoders trained from the command line: stopped, killed, resumed to the last byte, and drawn with. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openSafetensors, readTensor } from '../../src/files/index.ts';
import { start } from '../support/command-line.ts';
import { pictureFolder, temporaryFolder } from '../support/pictures.ts';

/** Several whole processes, each with its own ONNX Runtime: seconds on a free machine, minutes on a busy one. */
vi.setConfig({ testTimeout: 300_000 });

const folder = pictureFolder(3);
const recipe = [
  ...[
    '--rank',
    '2',
    '--targets',
    'mid_block*attn2.to_v',
    '--batch',
    '2',
    '--accumulate',
    '2',
    '--lr',
    '2e-3',
  ],
  ...['--text-targets', 'attention+mlp', '--text-rank', '3', '--text-lr', '1e-3', '--caption-dropout', '0.3'],
  ...['--steps', '14', '--save-every', '1', '--no-cache'],
];
const fixedTime = { SOURCE_DATE_EPOCH: '1700000000' };
const train = (out: string, ...options: string[]) =>
  start(['train', folder, '--out', out, ...recipe, ...options], undefined, fixedTime);

test('stopped, killed and resumed: the file of a run that was left alone', async () => {
  const [whole, parts] = [join(temporaryFolder(), 'x.safetensors'), join(temporaryFolder(), 'x.safetensors')];
  const uninterrupted = train(whole);
  const stopped = train(parts);
  await stopped.seen('step00000002');
  stopped.process.kill('SIGINT');
  expect((await stopped.outcome).status).toBe(130);
  const killed = train(parts, '--resume');
  await killed.seen('.safetensors');
  killed.process.kill('SIGKILL');
  expect((await killed.outcome).stderr).toMatch(/resumed at step \d/);
  expect(existsSync(parts)).toBe(false);
  const resumed = await train(parts, '--resume').outcome;
  expect(resumed.status, resumed.stderr).toBe(0);
  const { status, stderr } = await uninterrupted.outcome;
  expect(status, stderr).toBe(0);
  expect(readFileSync(parts).equals(readFileSync(whole))).toBe(true);

  const file = openSafetensors(whole);
  const ups = [...file.tensors.keys()].filter(name => name.endsWith('lora_up.weight'));
  const text = ups.filter(name => /^lora_te_text_model_encoder_layers_\d+_(self_attn|mlp)_/.test(name));
  expect([ups.length, text.length]).toEqual([13, 12]);
  for (const name of ups)
    expect(
      readTensor(file, name).data.some(x => x !== 0),
      name,
    ).toBe(true);

  const draw = async (...options: string[]) => {
    const out = join(temporaryFolder(), 'a.png');
    const settings = ['--out', out, '--seed', '5', '--steps', '2', '--size', '64x64'];
    const drawn = await start(['generate', 'a picture of stripes', ...settings, ...options]).outcome;
    expect(drawn.status, drawn.stderr).toBe(0);
    return { picture: readFileSync(out), stderr: drawn.stderr };
  };
  const [plain, styled] = [await draw(), await draw('--lora', whole)];
  expect(styled.stderr).toContain('12/12 text encoder');
  expect(styled.picture.equals(plain.picture)).toBe(false);
});
