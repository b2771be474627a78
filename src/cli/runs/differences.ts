/** @file What differs between runs: fields of recipes, data, base, device, version. */
import type { KeptRun } from '../../training/index.ts';

export interface Difference {
  readonly field: string;
  /** One a run; undefined where the run does not say it. */
  readonly values: readonly (string | undefined)[];
}

const written = (value: unknown): string | undefined =>
  value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value);

/** Equal for the same pictures with the same captions and repeats, whatever they are called. */
const dataOf = ({ manifest }: KeptRun): string =>
  JSON.stringify(
    manifest.data.pictures.map(({ sha256, caption, repeats }) => [sha256, caption, repeats]).sort(),
  );

function dataDifference(runs: readonly KeptRun[]): Difference[] {
  const contents = runs.map(dataOf);
  const kinds = [...new Set(contents)];
  if (kinds.length === 1) return [];
  // Sets of as many pictures may still differ: a letter says which are the same.
  const letter = (content: string): string => String.fromCharCode(65 + kinds.indexOf(content));
  const values = runs.map(
    ({ manifest }, i) =>
      `${manifest.data.folder}, ${manifest.data.pictures.length} pictures (${letter(contents[i])})`,
  );
  return [{ field: 'data', values }];
}

function fieldDifferences(name: string, objects: readonly Readonly<Record<string, unknown>>[]): Difference[] {
  const fields = [...new Set(objects.flatMap(Object.keys))];
  return fields.flatMap(field => {
    const values = objects.map(object => written(object[field]));
    return new Set(values).size > 1 ? [{ field: `${name}${field}`, values }] : [];
  });
}

/** Fields whose values are not all the same, in the recipes' order. */
export function differencesOf(runs: readonly KeptRun[]): Difference[] {
  const recipes = fieldDifferences(
    '',
    runs.map(({ manifest }) => manifest.recipe),
  );
  const others = fieldDifferences(
    '',
    runs.map(({ manifest: { base, device, code } }) => ({
      base: base.name,
      'base fingerprint': Object.values(base.hashes).join(' ') || undefined,
      device,
      version: code.version,
    })),
  );
  return [...recipes, ...dataDifference(runs), ...others];
}
