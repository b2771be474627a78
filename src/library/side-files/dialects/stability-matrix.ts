/** @file `X.cm-info.json` of Stability Matrix (StabilityMatrix.Core/Models/ConnectedModelInfo.cs). */
import type { SidePart } from '../facts.ts';
import { plainText } from '../html-text.ts';
import { nameSets } from '../trigger-sets.ts';
import { flag, number, readFields, record, text, texts, words } from '../values.ts';
import { hashesFrom } from './civitai.ts';

const fields = {
  ModelName: text,
  ModelDescription: text,
  VersionName: text,
  VersionDescription: text,
  AuthorUsername: text,
  BaseModel: text,
  Nsfw: flag,
  Tags: words,
  TrainedWords: texts,
  UserTitle: text,
  InferenceDefaults: record,
  Hashes: record,
};

export function readStabilityMatrix(value: Readonly<Record<string, unknown>>, wrong: string[]): SidePart {
  const given = readFields(value, fields, wrong);
  const { LoraWeight } = readFields(given.InferenceDefaults ?? {}, { LoraWeight: number }, wrong);
  const name = [given.ModelName, given.VersionName].filter(part => part !== undefined).join(' ');
  const about = [given.ModelDescription, given.VersionDescription].filter(part => part !== undefined);
  const type = typeof value.ModelType === 'string' ? value.ModelType : undefined;
  return {
    name: given.UserTitle ?? (name === '' ? undefined : name),
    description: about.length > 0 ? about.map(plainText).join('\n\n') : undefined,
    author: given.AuthorUsername,
    family: given.BaseModel,
    type,
    nsfw: given.Nsfw,
    tags: given.Tags,
    strength: LoraWeight,
    triggers: nameSets((given.TrainedWords ?? []).map(words => ({ words }))),
    hashes: hashesFrom(given.Hashes, wrong),
  };
}
