/** @file `X.civitai.info`: a model version as Civitai's API tells it, kept by Civitai Helper and others. */
import type { ClaimedHashes, SidePart } from '../facts.ts';
import { plainText } from '../html-text.ts';
import { nameSets } from '../trigger-sets.ts';
import { flag, hash, isRecord, readFields, record, records, text, texts, words } from '../values.ts';

const fields = {
  name: text,
  description: text,
  baseModel: text,
  trainedWords: texts,
  model: record,
  files: records,
  creator: record,
  tags: words,
};
const modelFields = { name: text, type: text, nsfw: flag, description: text, tags: words };
const fileFields = { name: text, primary: flag, hashes: record };
export const hashFields = {
  AutoV1: hash,
  AutoV2: hash,
  AutoV3: hash,
  SHA256: hash,
  CRC32: hash,
  BLAKE3: hash,
};

export function hashesFrom(value: unknown, wrong: string[]): ClaimedHashes {
  const { AutoV1, AutoV2, AutoV3, SHA256, CRC32, BLAKE3 } = readFields(
    isRecord(value) ? value : {},
    hashFields,
    wrong,
  );
  return {
    autoV1: AutoV1,
    autoV2: AutoV2,
    // Civitai shows 12 digits of it, and some files have those of nothing.
    autoV3: AutoV3?.slice(0, 12) === 'e3b0c44298fc' ? undefined : AutoV3?.slice(0, 12),
    sha256: SHA256,
    crc32: CRC32,
    blake3: BLAKE3,
  };
}

/** The hashes of the file that this is: that of its name, else the one that is marked, else the first. */
function hashesOf(
  files: readonly Record<string, unknown>[],
  fileName: string,
  wrong: string[],
): ClaimedHashes {
  const read = files.map(file => readFields(file, fileFields, wrong));
  const own = read.find(({ name }) => name === fileName) ?? read.find(({ primary }) => primary) ?? read[0];
  return hashesFrom(own?.hashes, wrong);
}

/** `fileName` tells which of the version's files is meant. */
export function readCivitai(
  value: Readonly<Record<string, unknown>>,
  wrong: string[],
  fileName = '',
): SidePart {
  const given = readFields(value, fields, wrong);
  const model = readFields(given.model ?? {}, modelFields, wrong);
  const { username } = readFields(given.creator ?? {}, { username: text }, wrong);
  const about = [model.description, given.description].filter(part => part !== undefined).map(plainText);
  const name = [model.name, given.name].filter(part => part !== undefined).join(' ');
  return {
    name: name === '' ? undefined : name,
    description: about.length > 0 ? [...new Set(about)].join('\n\n') : undefined,
    family: given.baseModel,
    type: model.type,
    nsfw: model.nsfw,
    author: username,
    tags: [...new Set([...(model.tags ?? []), ...(given.tags ?? [])])],
    triggers: nameSets((given.trainedWords ?? []).map(words => ({ words: words.replace(/\s*,\s*$/, '') }))),
    hashes: hashesOf(given.files ?? [], fileName, wrong),
  };
}
