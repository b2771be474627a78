/** @file What is told of files by their headers, and what cards are known by. */
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { kohyaTargets, kohyaTensors } from '../../../test/support/lora-collection.ts';
import { baseOfFamily, pairs, tensor } from '../../../test/support/lora-files.ts';
import { ldmShapes, makeCheckpoint, writeSparse } from '../../../test/support/make-checkpoint.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { smallLora, writeLora } from '../../../test/support/small-loras.ts';
import { serializeSafetensors, type WritableTensor } from '../../files/index.ts';
import { basePath } from '../../workbench/index.ts';
import type { FoundModel } from '../scan/walk.ts';
import { modelFolder } from '../scan/walk.ts';
import { type KnownTable, type KnownTables, readFacts } from './read-facts.ts';

const noTables = (): KnownTables => ({ get: () => undefined, set: () => undefined });

const fileAt = (path: string): FoundModel => ({
  ...{ path, fileName: basename(path), place: '', is: 'file', bytes: readFileSync(path).length, modified: 0 },
  ...{ stamp: '', siblings: [], sides: '' },
});
const factsOf = (path: string, tables = noTables()) => readFacts(fileAt(path), ['lora'], tables);

let folder: string;
beforeAll(() => {
  folder = temporaryFolder();
});

const write = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
};
const writeTensors = (name: string, tensors: readonly WritableTensor[], metadata = {}): string =>
  write(name, serializeSafetensors(tensors, metadata));

describe('LoRAs', () => {
  test.each([
    ['SD 1.x', 768],
    ['SD 2.x', 1024],
    ['SDXL', 2048],
  ])('of %s', (family, textWidth) => {
    const { facts } = factsOf(write('family.safetensors', smallLora({ textWidth, rank: 6, alpha: 3 })));
    expect(facts).toMatchObject({ use: 'lora', family, kind: 'LoRA', rank: 6, alpha: 3, findings: [] });
  });

  test('kohya’s whole file for SDXL', () => {
    const path = join(folder, 'xl.safetensors');
    writeSparse(path, kohyaTensors({ family: 'sdxl', rank: 8, which: kohyaTargets }));
    expect(factsOf(path).facts).toMatchObject({ family: 'SDXL', kind: 'LoRA', rank: 8, findings: [] });
  });

  test('on convolutions, with magnitudes, LoHa', () => {
    const base = baseOfFamily('sd15');
    const conv = pairs(
      base,
      'kohya',
      /^unet\.mid_block\.(?:resnets\.0\.conv1|attentions\.0\..*attn2\.to_k)$/,
    );
    expect(factsOf(writeTensors('locon.safetensors', conv)).facts.kind).toBe('LoCon');
    const plain = pairs(base, 'kohya', /^unet\.mid_block\.attentions\.0\..*attn2\.to_k$/);
    const name = plain[0].name.replace(/\.lora_down.*/, '');
    const magnitude = tensor(`${name}.dora_scale`, [1280, 1]);
    expect(factsOf(writeTensors('dora.safetensors', [...plain, magnitude])).facts.kind).toBe('DoRA');
    const loha = [
      tensor(`${name}.hada_w1_a`, [1280, 4]),
      tensor(`${name}.hada_w1_b`, [4, 768]),
      tensor(`${name}.hada_w2_a`, [1280, 4]),
      tensor(`${name}.hada_w2_b`, [4, 768]),
    ];
    expect(factsOf(writeTensors('loha.safetensors', loha)).facts).toMatchObject({ kind: 'LoHa', rank: 4 });
  });

  test('where tensors leave a choice, metadata choose', () => {
    const text = pairs(baseOfFamily('sd15'), 'kohya', /^text_encoder\..*layers\.0\.self_attn\.q_proj$/);
    const unsaid = factsOf(writeTensors('text.safetensors', text)).facts;
    expect(unsaid.family).toBe('SD 1.x or SDXL');
    const said = writeTensors('text2.safetensors', text, { ss_base_model_version: 'sdxl_base_v1-0' });
    expect(factsOf(said).facts).toMatchObject({ family: 'SDXL', findings: [] });
  });

  test('of a model that is not drawn with here', () => {
    const name = 'lora_unet_double_blocks_0_img_attn_proj';
    const flux = [tensor(`${name}.lora_down.weight`, [4, 3072]), tensor(`${name}.lora_up.weight`, [3072, 4])];
    const { facts } = factsOf(writeTensors('flux.safetensors', flux));
    expect(facts).toMatchObject({
      use: 'lora',
      family: 'Flux',
      findings: [{ code: 'MODULES_OF_OTHER_MODELS' }],
    });
  });

  test('in PEFT’s folder', () => {
    const at = join(folder, 'adapter');
    const key = 'base_model.model.mid_block.attentions.0.transformer_blocks.0.attn2.to_k';
    writeTensors('adapter/adapter_model.safetensors', [
      tensor(`${key}.lora_A.weight`, [4, 768]),
      tensor(`${key}.lora_B.weight`, [1280, 4]),
    ]);
    write(
      'adapter/adapter_config.json',
      Buffer.from(JSON.stringify({ peft_type: 'LORA', r: 4, lora_alpha: 8 })),
    );
    const { id, facts } = readFacts(modelFolder(at, 'lora-folder'), ['lora'], noTables());
    expect(facts).toMatchObject({ use: 'lora', kind: 'LoRA', rank: 4, alpha: 8, family: 'SD 1.x' });
    expect(id).toMatch(/^[0-9a-f]{16}$/);
  });

  test('what trainers say', () => {
    const metadata = {
      ...{
        ss_output_name: 'zorbi',
        ss_session_id: '9',
        ss_steps: '1200',
        ss_epoch: '3',
        ss_num_epochs: '10',
      },
      ...{
        ss_resolution: '(512, 768)',
        ss_learning_rate: '0.0001',
        ss_unet_lr: '0.0002',
        ss_network_dim: '4',
      },
      ...{ ss_optimizer: 'torch.optim.adamw.AdamW(weight_decay=0.1)', ss_sd_model_name: 'None' },
      ss_training_finished_at: '1700000000.5',
      ss_dataset_dirs: JSON.stringify({
        a: { n_repeats: 2, img_count: 10 },
        b: { n_repeats: 1, img_count: 5 },
      }),
      ss_tag_frequency: JSON.stringify({ a: { hat: 3, red: 1 }, b: { hat: 4 } }),
      'modelspec.tags': 'person, hat',
      sshs_model_hash: 'ab'.repeat(32),
    };
    const { facts } = factsOf(write('said.safetensors', smallLora({ metadata })));
    expect(facts.metadata).toMatchObject({
      ...{ alias: 'zorbi', run: 'zorbi 9', tags: ['person', 'hat'], claimedHash: 'ab'.repeat(32) },
      training: {
        ...{ pictures: 15, steps: 1200, epoch: 3, epochs: 10, resolution: '512 × 768' },
        ...{ rate: '0.0002 (text encoder 0.0001)', optimizer: 'AdamW', trainedAt: 1700000000500 },
      },
      frequency: [
        { tag: 'hat', count: 7 },
        { tag: 'red', count: 1 },
      ],
    });
    expect(facts.metadata.training.base).toBeUndefined();
  });

  test('metadata that are no numbers, no JSON, or meant as harm', () => {
    const metadata = {
      ...{ ss_steps: 'many', ss_tag_frequency: '{"a":[1]', ss_dataset_dirs: 'null', ss_resolution: 'none' },
      ...{
        ss_epoch: 'Infinity',
        sshs_model_hash: '<script>',
        'modelspec.date': 'yesterday',
        __proto__x: 'y',
      },
      constructor: 'x',
      'modelspec.description': 'x'.repeat(100_000),
    };
    const { metadata: told } = factsOf(write('odd.safetensors', smallLora({ metadata }))).facts;
    expect(told.training).toEqual({});
    expect(told.claimedHash).toBeUndefined();
    expect(told.description).toHaveLength(4000);
  });
});

describe('other models', () => {
  test('a checkpoint, its VAE alone, an embedding', async () => {
    const path = join(folder, 'sd15.safetensors');
    await makeCheckpoint(path, { model: 'sd15', dtype: 'float16', isSparse: true });
    const at = { ...fileAt(write('x', Buffer.alloc(0))), path, fileName: 'sd15.safetensors' };
    expect(readFacts(at, ['lora'], noTables()).facts).toMatchObject({
      use: 'checkpoint',
      family: 'SD 1.x',
      kind: '',
    });
    const vae = join(folder, 'vae.safetensors');
    const prefix = 'first_stage_model.';
    const parts = ldmShapes({ model: 'sd15' }).filter(({ name }) => name.startsWith(prefix));
    writeSparse(
      vae,
      parts.map(part => ({ ...part, name: part.name.slice(prefix.length) })),
    );
    const { facts } = readFacts({ ...at, path: vae, fileName: 'vae.safetensors' }, ['lora'], noTables());
    expect(facts).toMatchObject({ use: 'vae', family: 'SD 1.x, SD 2.x or SDXL' });
    expect(facts.fault).toBeUndefined();
    const embedding = (name: string, tensors: readonly WritableTensor[]) =>
      factsOf(writeTensors(name, tensors)).facts;
    expect(embedding('e1.safetensors', [tensor('emb_params', [3, 768])])).toMatchObject({
      ...{ use: 'embedding', family: 'SD 1.x' },
    });
    const both = [tensor('clip_l', [2, 768]), tensor('clip_g', [2, 1280])];
    expect(embedding('e2.safetensors', both)).toMatchObject({ use: 'embedding', family: 'SDXL' });
  });

  test('a checkpoint in the layout of Diffusers', () => {
    const at = join(folder, 'pocket copy');
    cpSync(basePath('pocket'), at, { recursive: true });
    const { id, facts } = readFacts(modelFolder(at, 'checkpoint-folder'), ['checkpoint'], noTables());
    expect(facts).toMatchObject({ use: 'checkpoint', family: 'pocket' });
    const moved = join(folder, 'elsewhere');
    cpSync(at, moved, { recursive: true });
    expect(readFacts(modelFolder(moved, 'checkpoint-folder'), ['checkpoint'], noTables()).id).toBe(id);
  });

  test.each([
    ['a ControlNet', [tensor('control_model.input_hint_block.0.weight', [4, 4])], /ControlNet/],
    ['nothing known', [tensor('some.weight', [4, 4]), tensor('other.weight', [4, 5])], /is no checkpoint/],
  ])('%s is told', (_, tensors, message) => {
    const { facts } = factsOf(writeTensors('other.safetensors', tensors));
    expect(facts.fault?.message).toMatch(message);
  });
});

describe('what a card is known by', () => {
  const idOf = (bytes: Uint8Array): string => factsOf(write('id.safetensors', bytes)).id;

  test('not its name, place or metadata', () => {
    const plain = idOf(smallLora());
    expect(idOf(smallLora({ metadata: { a: 'b', ss_output_name: 'ä"\\{}' } }))).toBe(plain);
    const path = join(folder, 'deep', 'copy.safetensors');
    mkdirSync(dirname(path), { recursive: true });
    copyFileSync(write('id.safetensors', smallLora()), path);
    expect(factsOf(path).id).toBe(plain);
  });

  test('its tensors: their numbers, names and shapes', () => {
    const ids = [{}, { seed: 2 }, { rank: 8 }, { alpha: 1 }, { textWidth: 1024 }].map(one =>
      idOf(smallLora(one)),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('numbers anywhere in a large file, as epochs have others everywhere', () => {
    const large = smallLora({ rank: 64 });
    expect(large.length).toBeGreaterThan(400_000);
    const changed = large.slice();
    for (let at = 10_000; at < changed.length; at += 1000) changed[at] ^= 1;
    expect(idOf(changed)).not.toBe(idOf(large));
  });

  test('a header that is written otherwise: spaces, another order, metadata at the end', () => {
    const plain = smallLora({ metadata: { key: 'value' } });
    const length = Number(new DataView(plain.buffer).getBigUint64(0, true));
    const header = JSON.parse(Buffer.from(plain.subarray(8, 8 + length)).toString()) as Record<
      string,
      unknown
    >;
    const rewritten = (value: unknown, indent?: number): Uint8Array => {
      const json = Buffer.from(JSON.stringify(value, null, indent));
      const head = Buffer.alloc(8);
      head.writeBigUInt64LE(BigInt(json.length));
      return Buffer.concat([head, json, plain.subarray(8 + length)]);
    };
    const { __metadata__: metadata, ...tensors } = header;
    const reversed = Object.fromEntries(Object.entries(tensors).reverse());
    for (const bytes of [
      rewritten(header, 2),
      rewritten({ ...reversed, __metadata__: metadata }),
      rewritten(tensors),
      rewritten({ __metadata__: { 'with "} quotes\\': 'and } \\" more' }, ...reversed }),
    ])
      expect(idOf(bytes)).toBe(idOf(plain));
  });
});

test('a table of tensors is looked at once; what differs between files is not taken from it', () => {
  const kept = new Map<string, KnownTable>();
  let hits = 0;
  const tables: KnownTables = {
    get: key => {
      const table = kept.get(key);
      if (table) hits++;
      return table;
    },
    set: (key, table) => void kept.set(key, table),
  };
  const path = (i: number): string => join(folder, `same ${i}.safetensors`);
  for (const i of [1, 2, 3])
    writeLora(path(i), { seed: i, alpha: i, metadata: { ss_output_name: `name ${i}` } });
  const all = [1, 2, 3].map(i => factsOf(path(i), tables));
  expect(hits).toBe(2);
  expect(all.map(({ facts }) => [facts.alpha, facts.metadata.alias])).toEqual([
    [1, 'name 1'],
    [2, 'name 2'],
    [3, 'name 3'],
  ]);
  const alone = [1, 2, 3].map(i => factsOf(path(i)));
  expect(all).toEqual(alone);
});
