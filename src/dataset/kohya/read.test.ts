import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { plainRules } from '../picture-rules.ts';
import { type KeyRow, kohyaKeys } from './keys.ts';
import { readKohyaDataset } from './read.ts';

type Params = Record<string, unknown>;
interface Golden {
  /** For each kind of subset, the keys of [[datasets]] and of [[datasets.subsets]]. */
  keys: { general: string[]; folder: string[][]; metadata: string[][]; conditioning: string[][] };
  read: Record<string, { toml: string; datasets: { params: Params; subsets: Params[] }[] }>;
  refused: Record<string, { toml: string; says: string }>;
}

const golden: Golden = JSON.parse(
  readFileSync(new URL('../../../test/golden/data/kohya-dataset-files.json', import.meta.url), 'utf8'),
);

/** A file of this text beside the folders that it names. */
function write(text: string, name = 'data.toml'): string {
  const root = mkdtempSync(join(tmpdir(), 'lora-kohya-'));
  for (const folder of ['a', 'b', 'masks']) mkdirSync(join(root, folder));
  writeFileSync(join(root, 'meta.json'), '{}');
  writeFileSync(join(root, name), text);
  return join(root, name);
}

/** What sd-scripts' command line has where the file says nothing; null and '' mean the same. */
const same = (value: unknown): unknown => (value === null || value === '' ? undefined : value);

for (const [name, { toml, datasets }] of Object.entries(golden.read)) {
  test(`${name}: what sd-scripts makes of the file`, () => {
    const { subsets, settings } = readKohyaDataset(write(toml));
    const params = datasets.flatMap(dataset => dataset.subsets);
    expect(subsets).toHaveLength(params.length);
    for (const [i, expected] of params.entries()) {
      const rules = { ...plainRules, ...subsets[i].rules };
      for (const [key, value] of Object.entries(expected)) {
        const rule = kohyaKeys[key]?.rule;
        if (rule) expect([key, same(rules[rule])]).toEqual([key, same(value)]);
      }
      expect(subsets[i].repeats).toBe(expected.num_repeats);
      expect(subsets[i].classTokens).toBe(same(expected.class_tokens));
      expect(rules.mask).toBe(expected.alpha_mask ? 'alpha' : 'none');
      expect(subsets[i].folder.endsWith(`/${expected.image_dir}`)).toBe(true);
      if (typeof expected.caption_extension === 'string')
        expect(subsets[i].captionEndings?.[0]).toBe(expected.caption_extension);
    }
    const [{ params: set }] = datasets;
    const [width, height] = set.resolution as number[];
    expect(settings.resolution).toEqual({ width, height });
    expect(settings.batch ?? 1).toBe(set.batch_size);
    expect(settings.noUpscale ?? false).toBe(set.bucket_no_upscale);
    expect(settings.bucketStep ?? 64).toBe(set.bucket_reso_steps);
    expect(settings.minBucketSide ?? 256).toBe(set.min_bucket_reso);
    expect(settings.maxBucketSide ?? 1024).toBe(set.max_bucket_reso);
  });
}

for (const [name, { toml }] of Object.entries(golden.refused)) {
  test(`${name}: refused, as by sd-scripts`, () => {
    expect(() => readKohyaDataset(write(toml))).toThrow(
      expect.objectContaining({ code: 'KOHYA_DATASET_INVALID', exit: 'badInput' }),
    );
  });
}

test('each table takes the keys that sd-scripts takes in it, and no others', () => {
  const keys = (allows: (row: KeyRow) => boolean): string[] =>
    Object.keys(kohyaKeys)
      .filter(key => allows(kohyaKeys[key]))
      .sort();
  expect(keys(({ place }) => place !== 'subset')).toEqual(golden.keys.general);
  for (const kind of ['folder', 'metadata', 'conditioning'] as const) {
    const takes = ({ subsets }: KeyRow): boolean => !subsets || subsets.includes(kind);
    const [dataset, subset] = golden.keys[kind];
    expect(keys(row => row.place !== 'subset' && takes(row))).toEqual(
      dataset.filter(key => key !== 'subsets'),
    );
    expect(keys(row => row.place !== 'above' && takes(row))).toEqual(subset);
  }
});

const subset =
  '[[datasets]]\nresolution = 512\nenable_bucket = true\n[[datasets.subsets]]\nimage_dir = "a"\n';

test('an unknown key is named with the nearest one, a key in the wrong table with its place', () => {
  const hintOf = (text: string): string | undefined => {
    try {
      readKohyaDataset(write(text));
      return undefined;
    } catch (error) {
      return (error as { hint?: string }).hint;
    }
  };
  expect(hintOf(`${subset}num_repeat = 3\n`)).toBe('Did you mean num_repeats?');
  expect(hintOf(`${subset}batch_size = 3\n`)).toContain('[general] or [[datasets]]');
  expect(
    hintOf('[[datasets]]\n[[datasets.subsets]]\nmetadata_file = "meta.json"\nclass_tokens = "x"\n'),
  ).toContain('folder');
});

test('keys without effect are told with the reason, and only those', () => {
  const text = `[general]\nvalidation_seed = 3\nresize_interpolation = "area"\nnetwork_multiplier = 1.0\n${subset}face_crop_aug_range = [2.0, 4.0]\n`;
  const notes = readKohyaDataset(write(text)).notes.filter(({ code }) => code === 'KOHYA_KEY_WITHOUT_EFFECT');
  expect(notes.map(({ message }) => message.split(' ')[0]).sort()).toEqual([
    'face_crop_aug_range',
    'resize_interpolation',
    'validation_seed',
  ]);
  expect(
    readKohyaDataset(write(`${subset}resize_interpolation = "lanczos"\n`)).notes.map(n => n.code),
  ).toEqual(['KOHYA_PATH']);
});

test('masks by conditioning_data_dir; subsets without repeats and named again are left out and told', () => {
  const text = `${subset}conditioning_data_dir = "masks"\n`;
  const [only] = readKohyaDataset(write(text)).subsets;
  expect(only.rules).toMatchObject({ mask: 'files', maskFolder: expect.stringMatching(/masks$/) });
  const twice = `${subset}[[datasets.subsets]]\nimage_dir = "a"\n[[datasets.subsets]]\nimage_dir = "b"\nnum_repeats = 0\n`;
  const { subsets, notes } = readKohyaDataset(write(twice));
  expect(subsets).toHaveLength(1);
  expect(notes.filter(({ code }) => code === 'KOHYA_SUBSET_LEFT_OUT')).toHaveLength(2);
});

test('several data sets must agree; without buckets a square resolution has one', () => {
  const other = subset.replace('512', '768').replace('"a"', '"b"');
  expect(() => readKohyaDataset(write(`${subset}${other}`))).toThrow(
    expect.objectContaining({ code: 'KOHYA_DATASETS_DIFFER', message: expect.stringMatching(/512.*768/) }),
  );
  expect(readKohyaDataset(write(`${subset}${other.replace('768', '512')}`)).subsets).toHaveLength(2);
  const { settings } = readKohyaDataset(write(subset.replace('true', 'false')));
  expect(settings).toMatchObject({ minBucketSide: 512, maxBucketSide: 512 });
});

test('JSON is read, too; broken files, and paths that lead nowhere, are named', () => {
  const json = { datasets: [{ resolution: 64, enable_bucket: true, subsets: [{ image_dir: 'a' }] }] };
  expect(readKohyaDataset(write(JSON.stringify(json), 'data.json')).subsets).toHaveLength(1);
  expect(() => readKohyaDataset(write('[[datasets]'))).toThrow(/data\.toml/);
  expect(() => readKohyaDataset(write(subset.replace('"a"', '"nowhere"')))).toThrow(
    expect.objectContaining({
      code: 'DATASET_NO_FOLDER',
      message: expect.stringMatching(/neither .*nor .*nowhere/),
    }),
  );
  expect(() => readKohyaDataset('/nowhere/data.toml')).toThrow(
    expect.objectContaining({ code: 'FILE_UNREADABLE' }),
  );
});
