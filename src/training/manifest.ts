/**
 * @file The manifest inside a LoRA file: what it can be made again from, as hashes of data, base and code, and the recipe.
 * Nothing in it is private: no folder, no picture's name, no caption.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DatasetScan } from '../dataset/index.ts';
import type { Checkpoint } from '../models/index.ts';
import { version } from '../version.ts';
import { withoutPrivate } from './journal/manifest.ts';
import type { Recipe } from './recipe/recipe.ts';
import type { RunState } from './run-state.ts';

/** The key in the file's metadata; no other program looks at it. */
export const manifestKey = 'lora_studio_manifest';

export interface LoraManifest {
  readonly format: 'lora-studio manifest 1';
  readonly code: { readonly name: 'lora-studio'; readonly version: string; readonly sha256: string };
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly data: {
    readonly pictures: number;
    /** Of the pictures' hashes with their captions and repeats, in the order of the run. */
    readonly sha256: string;
  };
  readonly base: {
    readonly name: string;
    readonly family: string;
    /** Of its file; a folder has none. */
    readonly sha256?: string;
  };
  /** Hash of all that decides the numbers of the run; a run state has the same. */
  readonly fingerprint: string;
  /** Device and measured kernels. */
  readonly kernels?: string;
  readonly steps: number;
}

const sourceRoot = fileURLToPath(new URL('..', import.meta.url));
const isSource = (path: string): boolean => /\.(ts|js)$/.test(path) && !/\.(test|d)\.(ts|js)$/.test(path);

let knownCode: string | undefined;

/** sha256 over the program's own files: names and content, tests left out. */
export function codeHash(): string {
  if (knownCode !== undefined) return knownCode;
  const files = readdirSync(sourceRoot, { recursive: true, encoding: 'utf8' }).filter(isSource);
  const hash = createHash('sha256');
  for (const file of files.map(name => name.replaceAll('\\', '/')).sort())
    hash.update(`${file}\n`).update(readFileSync(new URL(file, new URL('..', import.meta.url))));
  knownCode = hash.digest('hex');
  return knownCode;
}

/** sha256 over pictures, captions and repeats. */
export function dataHash({ pictures }: Pick<DatasetScan, 'pictures'>): string {
  const facts = pictures.map(({ hash, caption, repeats }) => [hash, caption, repeats]);
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

export interface ManifestSource {
  readonly recipe: Recipe;
  readonly scan: DatasetScan;
  readonly checkpoint: Pick<Checkpoint, 'name' | 'family'>;
  readonly state: Pick<RunState, 'fingerprint' | 'kernels' | 'step'>;
}

/** `baseHash` is the sha256 of the base's file, where it is one. */
export function loraManifest(
  { recipe, scan, checkpoint, state }: ManifestSource,
  baseHash?: string,
): LoraManifest {
  const { name, family } = checkpoint;
  return withoutPrivate<LoraManifest>({
    format: 'lora-studio manifest 1',
    code: { name: 'lora-studio', version, sha256: codeHash() },
    recipe: { ...recipe },
    data: { pictures: scan.pictures.length, sha256: dataHash(scan) },
    base: { name, family, ...(baseHash === undefined ? {} : { sha256: baseHash }) },
    fingerprint: state.fingerprint,
    ...(state.kernels === undefined ? {} : { kernels: state.kernels }),
    steps: state.step,
  });
}

/** One line of JSON. */
export const manifestEntry = (source: ManifestSource, baseHash?: string): Record<string, string> => ({
  [manifestKey]: JSON.stringify(loraManifest(source, baseHash)),
});
