/** @file What a run is given to train on: folders of pictures, and data set files of sd-scripts. */
import { statSync } from 'node:fs';
import { extname } from 'node:path';
import {
  type DatasetWarning,
  type KohyaDataset,
  type PictureRules,
  type PictureSource,
  readKohyaDataset,
  type ScannedPicture,
} from '../dataset/index.ts';
import { usageError } from '../errors.ts';
import type { GivenRecipe, Recipe } from './recipe/recipe.ts';

/** Folders and data set files, those read already. */
export interface DataSources {
  readonly parts: readonly (string | KohyaDataset)[];
  /** What data set files say of the run: resolution, batch, buckets. Wins over defaults, not over what was asked for. */
  readonly given: GivenRecipe;
  /** What of data set files has no effect, and where they lead. */
  readonly notes: readonly DatasetWarning[];
}

const isDatasetFile = (path: string): boolean =>
  ['.toml', '.json'].includes(extname(path).toLowerCase()) &&
  (statSync(path, { throwIfNoEntry: false })?.isFile() ?? true);

/** Reads what `lora train <data…>` names. Throws when data set files contradict each other. */
export function readDataSources(data: string | readonly string[]): DataSources {
  const paths = typeof data === 'string' ? [data] : data;
  const parts = paths.map(path => (isDatasetFile(path) ? readKohyaDataset(path) : path));
  const files = parts.filter(part => typeof part !== 'string');
  const given: Record<string, unknown> = {};
  for (const { path, settings } of files) {
    for (const [field, value] of Object.entries(settings)) {
      const [before, now] = [given[field], value].map(one => JSON.stringify(one));
      if (before !== undefined && before !== now) {
        const message = `${path} gives ${field} ${now}, another data set file ${before}; a run has one`;
        throw usageError('KOHYA_DATASETS_DIFFER', message);
      }
      given[field] = value;
    }
  }
  return { parts, given, notes: files.flatMap(({ notes }) => notes) };
}

/** The rules of pictures for which nothing else was said. */
export function pictureRules(recipe: Recipe): PictureRules {
  const { shuffleTags, keepTags, keepTagsSeparator, tagSeparator, secondarySeparator, tagDropout } = recipe;
  const { captionDropout, captionDropoutEvery, wildcards, captionPrefix, captionSuffix } = recipe;
  const { tokenWarmupMin, tokenWarmupSteps, flip, colour, randomCrop, cropJitter, variants } = recipe;
  const { mask, outsideMask } = recipe;
  return {
    ...{ shuffleTags, keepTags, keepTagsSeparator, tagSeparator, secondarySeparator, tagDropout },
    ...{ captionDropout, captionDropoutEvery, wildcards, captionPrefix, captionSuffix },
    ...{ tokenWarmupMin, tokenWarmupSteps, flip, colour, randomCrop, cropJitter, variants },
    ...{ mask, outsideMask, isRegularisation: false },
  };
}

/** What of a picture's rules the recipe does not say, and its mask: for what a run resumes by. Nothing for most pictures. */
export function ownRules({ rules, mask }: Pick<ScannedPicture, 'rules' | 'mask'>, recipe: Recipe): unknown[] {
  const usual = pictureRules(recipe);
  // Where masks lie does not matter, what is in them does.
  const isOwn = ([name, value]: [string, unknown]): boolean =>
    name !== 'maskFolder' && value !== usual[name as keyof PictureRules];
  const own = Object.fromEntries(Object.entries(rules).filter(isOwn));
  return [...(Object.keys(own).length > 0 ? [own] : []), ...(mask ? [mask.hash] : [])];
}

/** Every folder of a run with its rules: those of data set files win over the recipe's. */
export function pictureSources({ parts }: DataSources, recipe: Recipe): PictureSource[] {
  const rules = pictureRules(recipe);
  const repeats = recipe.repeats === null ? {} : { repeats: recipe.repeats };
  const trained = parts.flatMap((part): PictureSource[] =>
    typeof part === 'string'
      ? [{ folder: part, rules, ...repeats }]
      : part.subsets.map(subset => ({ ...subset, rules: { ...rules, ...subset.rules } })),
  );
  const words = recipe.priorClass === null ? {} : { classTokens: recipe.priorClass };
  const others = recipe.regularisation.map(folder => ({
    folder,
    rules: { ...rules, mask: 'none' as const, isRegularisation: true },
    ...words,
  }));
  return [...trained, ...others];
}
