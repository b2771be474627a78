/** What kohya's sd-scripts itself writes and computes (tools/goldens/sd_scripts.py). */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blockIndexOf, blockNames, plainLora } from '../../src/lora/index.ts';
import { float, pythonJson, pythonText } from '../../src/lora/metadata/python-text.ts';
import type { Family } from '../../src/models/index.ts';
import { parseBlockList } from '../../src/training/block-lists.ts';
import { baseModelEntries } from '../../src/training/metadata/base-hashes.ts';
import { loraMetadata } from '../../src/training/metadata/lora-metadata.ts';
import type { GivenRecipe } from '../../src/training/recipe/recipe.ts';
import { finishedRun } from '../support/trained-run.ts';

type Entries = Record<string, string>;
type CaseName = 'plain' | 'locon' | 'text' | 'text of two' | 'objective';

interface Golden {
  /** As its two ways of telling the data set give it: folders, and configuration files. */
  metadata: Record<CaseName, { folders: Entries; files: Entries }>;
  modelspec: string[];
  blocks: {
    index: Record<'sd15' | 'sd2' | 'sdxl', Record<string, number>>;
    curves: Record<string, Record<'sd15' | 'sdxl', number[]>>;
  };
  floats: [number, string][];
  json: [string, string][];
}
const golden: Golden = JSON.parse(readFileSync(new URL('./data/sd-scripts.json', import.meta.url), 'utf8'));

const before = process.env.SOURCE_DATE_EPOCH;
beforeEach(() => {
  process.env.SOURCE_DATE_EPOCH = '1700000000';
});
afterEach(() => {
  if (before === undefined) delete process.env.SOURCE_DATE_EPOCH;
  else process.env.SOURCE_DATE_EPOCH = before;
});

/** Keys of sd-scripts that our files do not have. */
const missing: Readonly<Record<string, string>> = {
  ss_sd_scripts_commit_hash:
    'the file is not made by sd-scripts; its maker is modelspec.implementation_version',
};

/** Keys whose text is another. */
const different: Readonly<Record<string, string>> = {
  ss_session_id: 'random there; here a function of the run, so that the same run gives the same bytes',
  ss_training_comment: 'holds what sd-scripts has no key for',
  ss_optimizer: 'names our AdamW with all its settings, not a class of torch',
};

/** Keys of modelspec 1.0.1 that are left out unless their maker gives them, or never apply. */
const notSaid: Readonly<Record<string, string>> = {
  author: 'only where --author says so: nothing private is guessed',
  license: 'only where --license says so',
  tags: 'only where --tags says so',
  thumbnail: 'only with --thumbnail',
  usage_hint: 'only with a trigger word or --usage-hint',
  trigger_phrase: 'only with a trigger word',
  merged_from: 'nothing was merged',
  preprocessor: 'a LoRA for text to pictures has none',
  is_negative_embedding: 'not an embedding',
  hash_sha256: 'made with the file',
};

const convLayer = { target: 'unet.mid_block.resnets.0.conv1', shape: [8, 8, 3, 3] };
const textLayer = { target: 'text_encoder.text_model.encoder.layers.0.mlp.fc1', shape: [8, 8] };

const cases: Readonly<Record<CaseName, { given: GivenRecipe; layer?: typeof convLayer }>> = {
  plain: { given: {} },
  locon: {
    given: {
      ...{ convRank: 4, convAlpha: 2, rankDropout: 0.1, moduleDropout: 0.2, loraPlusRatio: 16 },
      ...{ dropout: 0.3, scaleWeightNorms: 1 },
    },
    layer: convLayer,
  },
  text: { given: { textTargets: 'attention', textLearningRate: 5e-5 }, layer: textLayer },
  'text of two': {
    given: { textTargets: 'attention', textLearningRate: [5e-5, 1e-5] },
    layer: textLayer,
  },
  objective: {
    given: {
      ...{ noiseOffset: 0.1, noiseOffsetRandom: true, adaptiveNoiseScale: 0.02, minSnrGamma: 5 },
      ...{ multiresIterations: 6, multiresDiscount: 0.4, inputPerturbation: 0.05 },
      ...{ inputPerturbationRandom: true, zeroTerminalSnr: true, debiased: true },
      ...{ loss: 'smooth_l1', huberSchedule: 'exponential', huberC: 0.2, huberScale: 2 },
    },
  },
};

describe.each(Object.entries(cases))('metadata of sd-scripts’ %s', (name, { given, layer }) => {
  const captions = ['zork, caf\u00e9 \u2603', 'zork, 1990', 'zork'] as const;
  const layers = layer && plainLora([layer], { rank: 8 });
  const run = finishedRun(given, { captions, ...(layers ? { layers } : {}) });
  const { folders, files } = golden.metadata[name as CaseName];
  const expected = { ...folders, ...files };

  test('every key is there, with the text that Python gives it', async () => {
    const ours: Entries = { ...loraMetadata(run, 'my-lora'), ...(await baseModelEntries(run.checkpoint)) };
    const wanted = Object.entries(expected).filter(([key]) => !(key in missing) && !(key in different));
    const { ss_network_args: args, ...rest } = Object.fromEntries(wanted);
    expect(Object.fromEntries(Object.keys(rest).map(key => [key, ours[key]]))).toEqual(rest);
    expect(JSON.parse(ours.ss_network_args ?? '{}')).toEqual(JSON.parse(args ?? '{}'));
    for (const key of Object.keys(different)) expect(ours).toHaveProperty(key);
    for (const key of Object.keys(missing)) expect(expected).toHaveProperty(key);
  });
});

test('every key of modelspec is there, or there is a reason', () => {
  const ours = loraMetadata(finishedRun(), 'x');
  const left = golden.modelspec.filter(key => !(key in ours)).map(key => key.replace('modelspec.', ''));
  expect(left.sort()).toEqual(Object.keys(notSaid).sort());
});

describe('blocks', () => {
  test.each(Object.entries(golden.blocks.index))('%s: kohya’s index of every layer', (family, index) => {
    const ours = Object.keys(index).map(path => [path, blockIndexOf(`unet.${path}.x`, family as Family)]);
    const outside = /^(conv|time|add)_/;
    const alone = Object.keys(index).filter(path => outside.test(path));
    const found = new Map([
      ...(ours as [string, number][]),
      ...alone.map(path => [path, blockIndexOf(`unet.${path}`, family as Family) as number] as const),
    ]);
    expect(Object.fromEntries(found)).toEqual(index);
    expect(blockNames(family as Family)).toHaveLength(family === 'sdxl' ? 23 : 25);
  });

  const rule = { field: 'blockRates', allowCurves: true, isAllowed: () => true, what: '' };
  test.each(Object.entries(golden.blocks.curves))('curves %s', (curve, families) => {
    const [down, up] = curve.split('/');
    for (const [family, rates] of Object.entries(families)) {
      const middle = family === 'sdxl' ? '1,1,1' : '1';
      const ours = parseBlockList(`${down}/${middle}/${up}`, family as Family, rule);
      expect(ours).toHaveLength(rates.length);
      // Float64 of the same formula.
      for (const [i, rate] of rates.entries()) expect(ours[i] ?? 1).toBeCloseTo(rate, 14);
    }
  });
});

test.each(golden.floats)('%d is %s in Python', (x, text) => {
  expect(pythonText(float(x))).toBe(text);
});

test.each(golden.json)('%j as json.dumps writes it', (text, json) => {
  const value = new Map([[text, [text, 1, float(2), true, null]]]);
  expect(pythonJson(value)).toBe(json);
});
