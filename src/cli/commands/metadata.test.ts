/** `lora metadata` from end to end: what is shown, what is written, and that tensors stay as they are. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { type Outcome, runHere, start } from '../../../test/support/command-line.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { modelHashes, openSafetensors, serializeSafetensors } from '../../files/index.ts';
import { metadataCommand } from './metadata.ts';

const metadata = (...options: string[]): Promise<Outcome> => runHere(metadataCommand(), ...options);
const home = ['', 'home', 'anna', 'sets', '10_cat'].join('/');

const attention = 'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k';

/** One module of an SD 1.x LoRA, and whatever entries. */
function lora(entries: Record<string, string> = { ss_network_dim: '4', ss_v2: 'False' }): string {
  const file = join(temporaryFolder(), 'cat.safetensors');
  const filled = (name: string, shape: number[]) => ({
    ...{ name: `${attention}.${name}`, dtype: 'float16' as const, shape },
    bytes: Uint8Array.from({ length: 2 * shape.reduce((a, b) => a * b, 1) }, (_, i) => i % 60),
  });
  const tensors = [
    filled('lora_down.weight', [4, 768]),
    filled('lora_up.weight', [1280, 4]),
    filled('alpha', []),
  ];
  writeFileSync(file, serializeSafetensors(tensors, entries));
  return file;
}

function body(file: string): Buffer {
  return readFileSync(file).subarray(openSafetensors(file).dataOffset);
}

interface Shown {
  what: { is: string; text: string };
  groups: Record<string, { key: string; value: string }[]>;
  hashes: { key: string; stated?: string; isTrue?: boolean }[];
  private: unknown[];
  unknown: Record<string, string>;
  tags: { tag: string; count: number }[];
}

async function shown(file: string): Promise<Shown> {
  const { stdout, status } = await metadata('show', file, '--json');
  expect(status).toBe(0);
  return JSON.parse(stdout) as Shown;
}

describe('show', () => {
  test('groups, tags by frequency, private paths, entries of others', async () => {
    const tags = { '10_cat': { cat: 9, sofa: 2 }, '5_dog': { cat: 1, dog: 4 } };
    const file = lora({
      ss_learning_rate: '0.0001',
      ss_clip_skip: 'None',
      ss_tag_frequency: JSON.stringify(tags),
      ss_dataset_dirs: JSON.stringify({ [home]: { n_repeats: 10, img_count: 3 } }),
      mine: '\u001b[31mred',
    });
    const facts = await shown(file);
    expect(facts.what).toEqual({ is: 'lora', text: 'LoRA for SD 1.x, kohya names, 1 module' });
    expect(facts.groups.rates).toEqual([
      { key: 'ss_learning_rate', value: '0.0001', meaning: 'learning rate' },
    ]);
    expect(facts.tags[0]).toEqual({ tag: 'cat', count: 10 });
    expect(facts.private).toEqual([{ key: 'ss_dataset_dirs', path: home, user: 'anna' }]);
    expect(facts.unknown).toEqual({ mine: '\u001b[31mred' });
    const { stdout } = await metadata('show', file);
    expect(stdout).toContain(`PRIVATE  ss_dataset_dirs holds ${home}, which names the user anna`);
    expect(stdout).toContain('cat ×10, dog ×4, sofa ×2');
    expect(stdout).not.toContain('\u001b');
  });

  test('a hash of another file is said to be stale, a true one to be true', async () => {
    const file = lora({ sshs_model_hash: 'ab'.repeat(32) });
    expect((await metadata('show', file)).stdout).toMatch(/sshs_model_hash: (ab)+ is NOT TRUE of this file/);
    await metadata('set', file, 'note=x');
    const { hashes } = await shown(file);
    expect(hashes.filter(({ stated }) => stated)).toMatchObject([{ isTrue: true }, { isTrue: true }]);
    expect((await metadata('show', file, '--no-hashes')).stdout).not.toContain('hashes\n');
  });
});

describe('set', () => {
  test('changes the header alone, with true hashes, in place or beside', async () => {
    const file = lora({ stale: 'x', sshs_model_hash: '00' });
    const before = body(file);
    const out = join(dirname(file), 'copy.safetensors');
    const options = [
      '--trigger',
      'mycat, cat',
      '--title',
      'My cat',
      '--author',
      'A',
      '--description',
      'D = e',
    ];
    const { status } = await metadata(
      'set',
      file,
      'ss_epoch=3',
      'x=a=b',
      ...options,
      '--remove',
      'stale',
      '--out',
      out,
    );
    expect(status).toBe(0);
    expect(openSafetensors(file).metadata.stale).toBe('x');
    const written = openSafetensors(out);
    const { tensors, legacy } = await modelHashes(written);
    expect(written.metadata).toEqual({
      ss_epoch: '3',
      x: 'a=b',
      'modelspec.trigger_phrase': 'mycat, cat',
      'modelspec.title': 'My cat',
      'modelspec.author': 'A',
      'modelspec.description': 'D = e',
      'modelspec.sai_model_spec': '1.0.1',
      'modelspec.hash_sha256': `0x${tensors}`,
      sshs_model_hash: tensors,
      sshs_legacy_hash: legacy,
    });
    expect(body(out).equals(before)).toBe(true);
    await metadata('set', file, 'ss_epoch=4');
    expect(body(file).equals(before)).toBe(true);
    expect(readdirSync(dirname(file)).sort()).toEqual(['cat.safetensors', 'copy.safetensors']);
  });

  test('a thumbnail is made small, and nothing of the camera stays in it', async () => {
    const file = lora();
    const picture = join(dirname(file), 'cat.png');
    const pixels = { create: { width: 900, height: 600, channels: 4 as const, background: '#3060a0' } };
    await sharp(pixels)
      .withExif({ IFD0: { Artist: 'anna' } })
      .png()
      .toFile(picture);
    expect((await metadata('set', file, '--thumbnail', picture)).status).toBe(0);
    const url = openSafetensors(file).metadata['modelspec.thumbnail'];
    const jpeg = Buffer.from(url.replace('data:image/jpeg;base64,', ''), 'base64');
    expect(await sharp(jpeg).metadata()).toMatchObject({ format: 'jpeg', width: 256, height: 171 });
    expect(jpeg.includes('anna')).toBe(false);
    expect((await metadata('show', file)).stdout).toMatch(/modelspec\.thumbnail: JPEG, \d kB/);
  });

  test.each([
    ['nothing to do', 2, 'METADATA_NOTHING', []],
    ['no pair', 2, 'METADATA_PAIR', ['abc']],
    ['a hash', 2, 'METADATA_HASH', ['sshs_legacy_hash=1']],
    ['a wrong value', 2, 'METADATA_VALUE', ['ss_network_dim=many']],
    ['an entry that is not there', 2, 'METADATA_NO_ENTRY', ['--remove', 'nothing']],
    ['an output of another kind', 2, 'OUT_NOT_SAFETENSORS', ['a=b', '--out', 'x.ckpt']],
    ['a folder that is not there', 1, 'WRITE_NO_FOLDER', ['a=b', '--out', 'no/such/x.safetensors']],
    ['no picture', 3, 'PICTURE_NOT_A_PICTURE', ['--thumbnail', 'package.json']],
  ])('%s: exit %i, %s', async (_, status, code, options) => {
    const file = lora();
    const before = readFileSync(file);
    const outcome = await metadata('set', file, ...options);
    expect(outcome.stderr).toContain(`error ${code}: `);
    expect(outcome.status).toBe(status);
    expect(readFileSync(file).equals(before)).toBe(true);
  });
});

test('strip leaves a file that is known by the same hash, and tells nothing', async () => {
  const file = lora({
    ss_network_dim: '4',
    ss_output_name: 'cat',
    ss_dataset_dirs: `{"${home}":{}}`,
    mine: 'x',
  });
  const before = body(file);
  await metadata('strip', file);
  const { metadata: left } = openSafetensors(file);
  expect(Object.keys(left).sort()).toEqual(['ss_network_dim', 'sshs_legacy_hash', 'sshs_model_hash']);
  expect(body(file).equals(before)).toBe(true);
  expect((await shown(file)).private).toEqual([]);
});

test('a command below a command ends with 2 as well when it is called wrongly', async () => {
  const { status, stderr } = await start(['metadata', 'set']).outcome;
  expect(stderr).toContain("missing required argument 'file'");
  expect(status).toBe(2);
});
