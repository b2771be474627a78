/** `lora train` with what is trained chosen: the file has it, says it, and is as large as was planned. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runHere } from '../../../test/support/command-line.ts';
import { pictureFolder, stripes, temporaryFolder } from '../../../test/support/pictures.ts';
import { openSafetensors } from '../../files/index.ts';
import { findPrivate, metadataKeys } from '../../lora/index.ts';
import { trainCommand } from './train.ts';

const folder = pictureFolder(2);
const quick = ['--steps', '2', '--batch', '1', '--no-cache'];

async function trained(...options: string[]) {
  const out = join(temporaryFolder(), 'x.safetensors');
  const all = [folder, '--out', out, ...quick, ...options];
  const planned = await runHere(trainCommand(), ...all, '--plan', '--json');
  const run = await runHere(trainCommand(), ...all);
  expect(run.stderr).not.toContain('error');
  expect(run.status).toBe(0);
  return { file: openSafetensors(out), bytes: statSync(out).size, plan: JSON.parse(planned.stdout) };
}

/** Beginnings and ends of tensors' names: which parts, and which roles. */
const partsOf = (names: Iterable<string>): string[] => [
  ...new Set([...names].map(name => /^lora_(unet|te)/.exec(name)?.[1] ?? name)),
];
const rolesOf = (names: Iterable<string>): Set<string> =>
  new Set([...names].map(name => name.slice(name.indexOf('.') + 1)));

describe.each([
  [
    'lora',
    ['--rank', '4', '--targets', 'block:mid'],
    ['lora_down.weight', 'lora_up.weight'],
    'networks.lora',
  ],
  [
    'locon with DoRA',
    ['--targets', 'conv&block:mid', '--conv-rank', '2', '--tucker', '--dora', '--precision', 'float16'],
    ['lora_down.weight', 'lora_mid.weight', 'dora_scale'],
    'lycoris.kohya',
  ],
  [
    'loha',
    ['--kind', 'loha', '--rank', '4', '--targets', 'attention&block:down'],
    ['hada_w1_a', 'hada_w2_b'],
    'lycoris.kohya',
  ],
  [
    'lokr',
    ['--kind', 'lokr', '--rank', '4', '--factor', '8', '--targets', 'block:mid'],
    ['lokr_w1', 'lokr_w2_a'],
    'lycoris.kohya',
  ],
  [
    'PiSSA',
    ['--init', 'pissa', '--rank', '2', '--targets', 'block:mid&attention'],
    ['lora_up.weight'],
    'networks.lora',
  ],
] as const)('%s', (_, options, roles, module) => {
  test('tensors, metadata and size', async () => {
    const { file, bytes, plan } = await trained(...options, '--loraplus', '2');
    for (const role of roles) expect(rolesOf(file.tensors.keys())).toContain(role);
    expect(file.metadata.ss_network_module).toBe(module);
    expect(JSON.parse(file.metadata.ss_network_args).loraplus_lr_ratio).toBe('2');
    // The estimate knows nothing of the captions and words in the metadata.
    expect(Math.abs(plan.predictedFileBytes - bytes)).toBeLessThan(4000);
    expect(plan.groups.reduce((sum: number, group: { layers: number }) => sum + group.layers, 0)).toBe(
      plan.layers,
    );
  });
});

test('text encoders too, exceptions, and what the maker says', async () => {
  const picture = join(temporaryFolder(), 'picture.png');
  writeFileSync(picture, stripes(400, 200, 1));
  const { file, plan } = await trained(
    ...['--text-targets', 'attention', '--text-rank', '2', '--text-lr', '5e-5', '--trigger', 'zork'],
    ...['--set', 'block:mid: rank=1, lr=1e-5', '--loraplus', '16'],
    ...['--author', 'me', '--tags', 'a, b', '--license', 'CC0', '--thumbnail', picture],
  );
  expect(partsOf(file.tensors.keys()).sort()).toEqual(['te', 'unet']);
  expect(plan.groups.map(({ part }: { part: string }) => part)).toContain('text_encoder');
  const middle = [...file.tensors].filter(([name]) => /mid_block.*lora_down/.test(name));
  expect(middle.length).toBeGreaterThan(0);
  for (const [, { shape }] of middle) expect(shape[0]).toBe(1);
  expect(file.metadata).toMatchObject({
    ss_text_encoder_lr: '5e-05',
    'modelspec.author': 'me',
    'modelspec.tags': 'a, b',
    'modelspec.license': 'CC0',
    'modelspec.trigger_phrase': 'zork',
  });
  expect(file.metadata['modelspec.thumbnail']).toMatch(/^data:image\/jpeg;base64,/);
  expect(file.metadata.ss_training_comment).toContain('set block:mid: rank=1, learningRate=0.00001');
  expect(findPrivate(file.metadata)).toEqual([]);
  for (const key of Object.keys(file.metadata)) expect([...metadataKeys.keys()]).toContain(key);
});

test('a thumbnail that is no picture is said before anything is done', async () => {
  const bad = join(temporaryFolder(), 'bad.png');
  writeFileSync(bad, readFileSync('package.json'));
  const out = join(temporaryFolder(), 'x.safetensors');
  const { status, stderr } = await runHere(trainCommand(), folder, '--out', out, '--thumbnail', bad);
  expect([status, stderr]).toEqual([3, expect.stringContaining('error PICTURE_NOT_A_PICTURE')]);
});
