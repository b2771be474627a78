/** @file A1111's answer to a drawing: pictures as base64, and what is known of them as a string of JSON. */
import { parseInfotext } from '../../../generation/index.ts';
import { version } from '../../../version.ts';
import type { Drawn, DrawnPicture } from '../drawing.ts';
import { type Asked, img2imgDefaults, isFromPicture, txt2imgDefaults } from './fields.ts';
import { gridOf } from './grid.ts';
import type { DialectJobs } from './payload.ts';

/** Numbers where JSON readers hold them. */
const seedOf = (value: unknown): number => Number(value ?? -1);

const two = (n: number): string => String(n).padStart(2, '0');
/** As A1111 stamps its jobs: 20261127061530. */
export function stamp(time: number): string {
  const at = new Date(time);
  return [
    at.getFullYear(),
    ...[at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()].map(two),
  ].join('');
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const subseedOf = ({ settings, seed }: DrawnPicture): number =>
  seedOf((settings.variation as { seed?: unknown } | undefined)?.seed ?? seed);

interface Answered {
  readonly asked: Asked;
  readonly jobs: DialectJobs;
  readonly drawn: readonly Drawn[];
  readonly pictures: readonly DrawnPicture[];
  readonly hasGrid: boolean;
}

/** What `Processed.js` there puts into one list: none of it is needed to read the picture, all of it is looked at by some client. */
function infoOf({ asked, jobs, drawn, pictures, hasGrid }: Answered): string {
  const { payload, job } = drawn[0];
  const first = pictures.at(0);
  const settings = first?.settings ?? {};
  const text = first?.parameters ?? '';
  const { fields } = parseInfotext(text);
  const seeds = pictures.length > 0 ? pictures.map(({ seed }) => seedOf(seed)) : [seedOf(payload.seed)];
  const subseeds = pictures.length > 0 ? pictures.map(subseedOf) : seeds;
  const isInterrupted = drawn.some(one => one.job.state === 'cancelled');
  const infotexts = pictures.map(({ parameters }) => parameters);
  return JSON.stringify({
    prompt: textOf(settings.prompt) || payload.prompt,
    all_prompts: pictures.map(picture => textOf(picture.settings.prompt)),
    negative_prompt: textOf(settings.negativePrompt) || payload.negativePrompt,
    all_negative_prompts: pictures.map(picture => textOf(picture.settings.negativePrompt)),
    ...{ seed: seeds[0], all_seeds: seeds, subseed: subseeds[0], all_subseeds: subseeds },
    subseed_strength: payload.variation?.strength ?? 0,
    ...{ width: first?.width ?? payload.width, height: first?.height ?? payload.height },
    ...{ sampler_name: settings.sampler ?? payload.sampler, cfg_scale: payload.guidance },
    ...{ steps: payload.steps, batch_size: jobs.batchSize },
    ...{ restore_faces: false, face_restoration_model: null },
    sd_model_name: textOf((settings.model as { name?: unknown } | undefined)?.name) || payload.base,
    sd_model_hash: fields['Model hash'] ?? null,
    ...{ sd_vae_name: null, sd_vae_hash: null },
    seed_resize_from_w: payload.noiseSize?.width ?? -1,
    seed_resize_from_h: payload.noiseSize?.height ?? -1,
    denoising_strength: payload.init?.strength ?? payload.hires?.strength ?? null,
    extra_generation_params: {
      ...(settings.scheduler === undefined ? {} : { 'Schedule type': settings.scheduler }),
      ...(jobs.notApplied.length > 0 ? { 'Not applied': jobs.notApplied.join(', ') } : {}),
      ...(isInterrupted ? { Interrupted: 'live previews of what was being drawn' } : {}),
    },
    index_of_first_image: hasGrid ? 1 : 0,
    infotexts: hasGrid ? [text, ...infotexts] : infotexts,
    ...{ styles: asked.styles ?? [], job_timestamp: stamp(job.createdAt), clip_skip: payload.clipSkip ?? 1 },
    is_using_inpainting_conditioning: fields['Conditional mask weight'] !== undefined,
    version: `lora-studio ${version}`,
  });
}

/** The request back, with what it left open; pictures that it started from only where that is asked for. */
function echoOf(asked: Asked): object {
  const given = Object.fromEntries(
    Object.entries(asked).filter(([, value]) => value !== undefined && value !== null),
  );
  if (!isFromPicture(asked)) return { ...txt2imgDefaults, ...given };
  const { include_init_images: isWanted, ...echo } = { ...img2imgDefaults, ...given } as Record<
    string,
    unknown
  >;
  return isWanted === true ? echo : { ...echo, init_images: null, mask: null };
}

/** A grid is put before several pictures that are saved, as A1111 does; default requests save none. */
const wantsGrid = ({ save_images, do_not_save_grid }: Asked): boolean =>
  save_images === true && do_not_save_grid !== true;

export async function answerOf(asked: Asked, jobs: DialectJobs, drawn: readonly Drawn[]): Promise<object> {
  const pictures = drawn.flatMap(one => one.pictures);
  const hasGrid = wantsGrid(asked) && pictures.length > 1;
  const grid = hasGrid && asked.send_images !== false ? [await gridOf(pictures)] : [];
  const images =
    asked.send_images === false
      ? []
      : [...grid, ...pictures.map(({ bytes }) => bytes)].map(bytes => bytes.toString('base64'));
  return {
    images,
    parameters: echoOf(asked),
    info: infoOf({ asked, jobs, drawn, pictures, hasGrid }),
  };
}
