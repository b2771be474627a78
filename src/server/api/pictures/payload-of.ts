/** @file What a picture says of itself as a job that draws it again, as far as what it names is here. */
import { existsSync } from 'node:fs';
import { LoraError } from '../../../errors.ts';
import {
  type PictureSettings,
  type PictureText,
  type PictureWish,
  presets,
  wishOfFound,
} from '../../../generation/index.ts';
import { defined, type GeneratePayload, parsePayload } from '../../../jobs/index.ts';
import { type Library, lorasOf, uploadPath } from '../../../library/index.ts';
import type { DataFolder } from '../../../workbench/index.ts';
import { findCard } from '../library/find-cards.ts';

export interface DrawnAgain {
  readonly payload: GeneratePayload | undefined;
  /** LoRAs that are not in the library. */
  readonly missing: readonly { readonly name: string; readonly hash?: string | undefined }[];
  readonly findings: readonly string[];
}

interface Desk {
  readonly library: Library;
  readonly data: DataFolder;
  readonly findings: string[];
}

type Fields = Readonly<Record<string, unknown>>;

const seedText = (seed: bigint): number | string =>
  seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : String(seed);

function baseOf({ settings, record }: PictureText, { library, findings }: Desk): string {
  const model = record?.settings.model ?? settings.model;
  if (model?.name === 'pocket') return 'pocket';
  const found = model && findCard(library, 'checkpoint', model);
  if (found?.card.state === 'present') return found.card.id;
  const name = model?.name ?? model?.hash;
  findings.push(name ? `the base ${name} is not in the library` : 'the picture does not say its base');
  return 'pocket';
}

/** The picture that it started from, where it was an upload that is still there. */
function uploadOf(sha256: string | undefined, { data }: Desk): string | undefined {
  const id = sha256?.slice(0, 32) ?? '';
  try {
    return existsSync(uploadPath(data, id)) ? id : undefined;
  } catch (error) {
    if (error instanceof LoraError) return undefined;
    throw error;
  }
}

function startOf({ init, inpaint }: PictureSettings, desk: Desk): Fields {
  if (!init) return {};
  const picture = uploadOf(init.picture.sha256, desk);
  if (picture === undefined) {
    desk.findings.push('the picture that it started from is not here any more');
    return {};
  }
  const start = { init: { picture, strength: init.strength, resize: init.resize } };
  if (!inpaint) return start;
  const { mask: file, ...how } = inpaint;
  const mask = uploadOf(file.sha256, desk);
  if (mask === undefined) desk.findings.push('the mask is not here any more');
  return mask === undefined ? start : { ...start, inpaint: { ...how, mask } };
}

/** What settings count from 1 is counted as the preset does. */
function clipSkipOf({ clipSkip, preset }: PictureSettings): number | undefined {
  const counted = clipSkip - (1 - presets[preset].clipSkipFrom);
  return counted >= 1 && clipSkip > 1 ? counted : undefined;
}

function fromSettings(
  settings: PictureSettings,
  idOf: (name: string) => string | undefined,
  desk: Desk,
): Fields {
  const { variation, hires, samplerOptions, noiseSize, preset, scheduler } = settings;
  const second =
    hires && (({ width, height, ...how }) => ({ ...how, toWidth: width, toHeight: height }))(hires);
  return {
    ...{ prompt: settings.prompt, negativePrompt: settings.negativePrompt, preset, noiseSize },
    loras: settings.loras.flatMap(({ name, strength, textStrength, blocks, start, stop }) => {
      const id = idOf(name);
      return id === undefined ? [] : [defined({ id, strength, textStrength, blocks, start, stop })];
    }),
    ...{ seed: seedText(settings.seed), sampler: settings.sampler },
    scheduler: scheduler === 'Automatic' ? undefined : scheduler,
    ...{ samplerOptions, steps: settings.steps, guidance: settings.guidance },
    ...{ guidanceRescale: settings.guidanceRescale, width: settings.width, height: settings.height },
    ...{ clipSkip: clipSkipOf(settings), noise: settings.noise, emphasis: settings.emphasis },
    variation: variation && { seed: seedText(variation.seed), strength: variation.strength },
    hires: second && defined(second),
    ...startOf(settings, desk),
  };
}

function fromWish(wish: PictureWish): Fields {
  const { variation, hires, size } = wish;
  return {
    ...{ prompt: wish.prompt, negativePrompt: wish.negativePrompt, preset: wish.preset },
    loras: wish.loras.map(({ path: id, strength, textStrength, blocks, start, stop }) =>
      defined({ id, strength, textStrength, blocks, start, stop }),
    ),
    ...{ seed: seedText(wish.seed), sampler: wish.sampler, scheduler: wish.scheduler },
    ...{ samplerOptions: wish.samplerOptions, steps: Math.min(1000, wish.steps), guidance: wish.guidance },
    ...{ guidanceRescale: wish.guidanceRescale, width: size?.width, height: size?.height },
    ...{ clipSkip: wish.clipSkip, noise: wish.noise, emphasis: wish.emphasis, noiseSize: wish.noiseSize },
    variation: variation && { seed: seedText(variation.seed), strength: variation.strength },
    hires: hires && defined({ ...hires }),
  };
}

/** Tags call LoRAs by their file's name here, whatever it was called where the picture was made. */
function renameTags(prompt: string, names: ReadonlyMap<string, string>): string {
  let text = prompt;
  for (const [before, now] of names) text = text.replaceAll(`<lora:${before}:`, `<lora:${now}:`);
  return text;
}

/** Never throws for what a picture says: that is a finding. */
export function drawnAgain(text: PictureText, { library, data }: Omit<Desk, 'findings'>): DrawnAgain {
  const findings = text.findings.map(({ message }) => message);
  const desk = { library, data, findings };
  const wanted = lorasOf(text);
  const found = new Map(wanted.map(lora => [lora.name, findCard(library, 'lora', lora)]));
  const missing = wanted
    .filter(({ name }) => found.get(name)?.card.state !== 'present')
    .map(({ name, hash }) => ({ name, ...(hash === undefined ? {} : { hash }) }));
  const gone = new Set(missing.map(({ name }) => name));
  const idOf = (name: string): string | undefined => (gone.has(name) ? undefined : found.get(name)?.card.id);
  const renamed = new Map(
    [...found].flatMap(([name, card]) => {
      const stem = card?.card.fileName.replace(/\.\w+$/, '') ?? name;
      return card?.by === 'hash' && stem !== name ? [[name, stem] as const] : [];
    }),
  );
  const fields = text.record ? fromSettings(text.record.settings, idOf, desk) : fromFound(text, idOf, desk);
  const payload = { ...fields, prompt: renameTags(String(fields.prompt ?? ''), renamed) };
  try {
    return {
      payload: parsePayload('generate', { base: baseOf(text, desk), ...defined(payload) }),
      missing,
      findings,
    };
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
    findings.push(error.message);
    return { payload: undefined, missing, findings };
  }
}

function fromFound(
  text: PictureText,
  idOf: (name: string) => string | undefined,
  { findings }: Desk,
): Fields {
  const { loras = [], init, inpaint } = text.settings;
  const here = loras.filter(({ name, inPrompt }) => inPrompt || idOf(name) !== undefined);
  const { wish, findings: told } = wishOfFound(
    { ...text.settings, loras: here },
    { pathOf: ({ name }) => idOf(name) ?? '' },
  );
  findings.push(...told);
  if (init || inpaint) findings.push('the picture that it started from is not part of it');
  return fromWish(wish);
}
