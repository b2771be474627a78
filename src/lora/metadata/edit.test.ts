/** Entries set, removed and stripped; what a real file of sd-scripts says is known key by key. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { editMetadata, hashKeysOf, stripMetadata } from './edit.ts';
import { metadataKeys } from './keys.ts';
import { findPrivate } from './private.ts';
import { checkEntry, misfitOf } from './values.ts';

/** All entries of a LoRA that sd-scripts 0.10.1 trained. */
const kohya = JSON.parse(readFileSync('test/golden/data/kohya-metadata.json', 'utf8')) as Record<
  string,
  string
>;
const home = (...parts: string[]): string => ['', 'home', 'anna', ...parts].join('/');
const set = (entries: Record<string, string>, before = {}): ReturnType<typeof editMetadata> =>
  editMetadata(before, { set: entries, remove: [] });

test.each(Object.entries(kohya))('sd-scripts’ %s = %s is as the table says', (key, value) => {
  const facts = metadataKeys.get(key);
  expect(facts).toBeDefined();
  if (facts) expect(misfitOf(facts, value)).toBeUndefined();
});

describe('set', () => {
  test('adds, replaces, removes, and leaves the rest in its order', () => {
    const { metadata, notes } = editMetadata(
      { a: '1', b: '2', c: '3' },
      { set: { b: 'x', d: '4' }, remove: ['a'] },
    );
    expect(Object.entries(metadata)).toEqual([
      ['b', 'x'],
      ['c', '3'],
      ['d', '4'],
    ]);
    expect(notes).toEqual([]);
  });

  test('names the standard where one of its entries is set, and what it asks for', () => {
    const { metadata, notes } = set({ 'modelspec.title': 'My cat' });
    expect(metadata).toEqual({ 'modelspec.title': 'My cat', 'modelspec.sai_model_spec': '1.0.1' });
    expect(notes).toEqual([expect.stringContaining('modelspec.architecture, modelspec.implementation')]);
  });

  test('cuts paths down, and tells it', () => {
    const { metadata, notes } = set({ ss_sd_model_name: home('models', 'v1 5.safetensors') });
    expect(metadata).toEqual({ ss_sd_model_name: 'v1 5.safetensors' });
    expect(notes.join()).toContain('cut down: v1 5.safetensors');
  });

  test('tells of paths that were there before', () => {
    const { metadata, notes } = set({ note: 'x' }, { old: home('sets', 'cat') });
    expect(metadata.old).toBe(home('sets', 'cat'));
    expect(notes.join()).toMatch(/absolute paths stay in old/);
  });

  test.each([
    ['a user’s folder', 'METADATA_PRIVATE', { note: home() }],
    ['a hash', 'METADATA_HASH', { sshs_model_hash: 'abc' }],
    ['the other hash', 'METADATA_HASH', { 'modelspec.hash_sha256': 'abc' }],
    ['an empty name', 'METADATA_KEY', { '': 'x' }],
    ['a name with a line break', 'METADATA_KEY', { 'a\nb': 'x' }],
    ['the name of all entries', 'METADATA_KEY', { __metadata__: 'x' }],
    ['half of a surrogate pair', 'METADATA_VALUE', { a: '\ud800' }],
    ['a rank that is no number', 'METADATA_VALUE', { ss_network_dim: 'many' }],
    ['JSON’s true instead of Python’s', 'METADATA_VALUE', { ss_v2: 'true' }],
    ['a broken object', 'METADATA_VALUE', { ss_tag_frequency: '{"a":' }],
    ['a date that cannot be', 'METADATA_VALUE', { 'modelspec.date': '2026-13-45' }],
    ['a picture that is none', 'METADATA_VALUE', { 'modelspec.thumbnail': 'cat.png' }],
  ])('refuses %s: %s', (_, code, entries) => {
    expect(() => set(entries as Record<string, string>)).toThrow(
      expect.objectContaining({ code, exit: 'usage' }),
    );
  });

  test('refuses to remove what is not there', () => {
    const remove = (): unknown => editMetadata({ a: '1' }, { set: {}, remove: ['b'] });
    expect(remove).toThrow(expect.objectContaining({ code: 'METADATA_NO_ENTRY' }));
  });

  test('`__proto__` is a name as any other', () => {
    const { metadata } = set(Object.fromEntries([['__proto__', 'x']]));
    expect(Object.entries(metadata)).toEqual([['__proto__', 'x']]);
  });

  test('None is a value of what may be left out, and of nothing else', () => {
    expect(() => checkEntry('ss_clip_skip', 'None')).not.toThrow();
    expect(() => checkEntry('ss_v2', 'None')).toThrow(/ss_v2 is True or False/);
  });
});

describe('strip', () => {
  test('leaves what loaders need, the name and the licence', () => {
    const before = {
      ...kohya,
      'modelspec.license': 'MIT',
      lora_adapter_metadata: '{}',
      format: 'pt',
      mine: 'x',
    };
    const { metadata, removed } = stripMetadata(before, { keepTraining: false });
    expect(Object.keys(metadata).sort()).toEqual([
      ...[
        'format',
        'lora_adapter_metadata',
        'modelspec.architecture',
        'modelspec.implementation',
        'modelspec.license',
      ],
      ...['modelspec.prediction_type', 'modelspec.resolution', 'modelspec.sai_model_spec', 'modelspec.title'],
      ...['ss_base_model_version', 'ss_network_alpha', 'ss_network_dim', 'ss_network_module', 'ss_v2'],
      ...['sshs_legacy_hash', 'sshs_model_hash'],
    ]);
    expect(removed.length + Object.keys(metadata).length).toBe(Object.keys(before).length);
  });

  test('with --keep-training settings stay; pictures, names, times and what is unknown go', () => {
    const { metadata } = stripMetadata({ ...kohya, mine: 'x' }, { keepTraining: true });
    expect(metadata.ss_learning_rate).toBe('0.0001');
    expect(metadata.ss_optimizer).toBe(kohya.ss_optimizer);
    for (const key of [
      'ss_tag_frequency',
      'ss_dataset_dirs',
      'ss_session_id',
      'ss_training_started_at',
      'ss_output_name',
    ])
      expect(metadata).not.toHaveProperty(key);
    expect(metadata).not.toHaveProperty('mine');
    expect(metadata).not.toHaveProperty('modelspec.date');
  });

  test('cuts paths down in what stays', () => {
    const before = { ss_sd_model_name: home('models', 'v1.safetensors'), ss_vae_name: home() };
    const { metadata, notes, removed } = stripMetadata(before, { keepTraining: true });
    expect(metadata).toEqual({ ss_sd_model_name: 'v1.safetensors' });
    expect(notes).toHaveLength(1);
    expect(removed).toEqual(['ss_vae_name']);
  });

  test('nothing private is left, and a second time nothing changes', () => {
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom(
        home('a', 'b c'),
        `x ${home('a', 'b')}`,
        String.raw`C:\Users\anna\x`,
        '{"a":"/mnt/x/y"}',
        '~/x',
      ),
    );
    const entries = fc.dictionary(fc.oneof(fc.constantFrom(...metadataKeys.keys()), fc.string()), value);
    fc.assert(
      fc.property(entries, fc.boolean(), (before, keepTraining) => {
        const once = stripMetadata(before, { keepTraining });
        expect(findPrivate(once.metadata)).toEqual([]);
        expect(stripMetadata(once.metadata, { keepTraining })).toEqual({
          metadata: once.metadata,
          removed: [],
          notes: [],
        });
      }),
    );
  });
});

test('which hashes a file gets', () => {
  const standard = { 'modelspec.sai_model_spec': '1.0.1' };
  expect(hashKeysOf({}, false)).toEqual([]);
  expect(hashKeysOf({}, true)).toEqual(['sshs_model_hash', 'sshs_legacy_hash']);
  expect(hashKeysOf(standard, false)).toEqual(['modelspec.hash_sha256']);
  expect(hashKeysOf({ ...standard, sshs_model_hash: 'x' }, false)).toEqual([
    'sshs_model_hash',
    'modelspec.hash_sha256',
  ]);
});
