/** @file The base as the picture had it: held in the same form, with the same parts. */
import type { PictureSettings, PictureText } from '../../generation/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import type { PartOptions } from '../base.ts';
import { partNames } from '../picture-options/wish.ts';

export interface HoldOptions extends PartOptions {
  baseWeights?: 'file' | 'float16' | 'int8';
  tiledVae: boolean;
}

export type Held = Pick<PictureSettings, 'parts' | 'baseWeights' | 'tiledVae'>;

/** What the options say, else what the picture says. */
export function heldAs({ record }: PictureText, options: HoldOptions): Held {
  const { baseWeights = record?.settings.baseWeights } = options;
  const parts = partNames(options);
  return {
    ...(parts ? { parts } : {}),
    ...(baseWeights === undefined || baseWeights === 'file' ? {} : { baseWeights }),
    ...(options.tiledVae || record?.settings.tiledVae ? { tiledVae: true } : {}),
  };
}

/** The settings with the base that they are drawn with. */
export function heldSettings(settings: PictureSettings, checkpoint: Checkpoint, held: Held): PictureSettings {
  const { parts: _p, baseWeights: _b, tiledVae: _t, ...rest } = settings;
  return { ...rest, model: { name: checkpoint.name, path: checkpoint.path }, ...held };
}

const partOptions = {
  ...{ vae: '--vae', textEncoders: '--text-encoder', tokenizer: '--tokenizer', prediction: '--prediction' },
} as const;

/** Says which parts are to be given, or left out, for the same picture. Programs other than ours say nothing of parts. */
export function checkParts(
  { record }: PictureText,
  { parts: given = {} }: Held,
  note: (text: string) => void,
): void {
  if (!record) return;
  const { parts: recorded = {} } = record.settings;
  for (const [key, option] of Object.entries(partOptions)) {
    const [was, is] = [recorded, given].map(parts => [parts[key as keyof typeof partOptions] ?? []].flat());
    if (was.join('\n') === is.join('\n')) continue;
    const what =
      was.length > 0 ? `with ${was.map(name => `${option} ${name}`).join(' ')}` : `without ${option}`;
    note(`the picture was made ${what}: expect another picture`);
  }
}

/** AutoV2 has ten digits; fewer are of another kind of hash. */
const fewestDigits = 10;

/** Says when the base is another: the picture then comes out differently. */
export async function checkModel(
  { record, settings }: PictureText,
  checkpoint: Checkpoint,
  ownHash: () => Promise<string | undefined>,
  note: (text: string) => void,
): Promise<void> {
  const { name = 'a checkpoint', hash } = record?.settings.model.hash
    ? record.settings.model
    : (settings.model ?? {});
  if (hash === undefined || hash.length < fewestDigits) return;
  const own = await ownHash();
  if (own?.startsWith(hash.slice(0, fewestDigits))) return;
  const here = own === undefined ? 'has no hash to compare' : `has ${own.slice(0, fewestDigits)}`;
  note(
    `the picture was made with ${name} of hash ${hash.slice(0, fewestDigits)}; ${checkpoint.name} ${here}: ` +
      'expect another picture (--base gives the right one)',
  );
}
