/** @file A1111's answer to a drawing: pictures as base64, and what is known of them as a string of JSON. */
import { version } from '../../../version.ts';
import type { Drawn, DrawnPicture } from '../drawing.ts';
import type { Asked } from './fields.ts';
import type { DialectJob } from './payload.ts';

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

const model = ({ settings }: DrawnPicture): { name?: string; hash?: string } =>
  (settings.model ?? {}) as { name?: string; hash?: string };

/** The keys are A1111's (`Processed.js`); clients read several of them. */
export function infoOf({ payload, notApplied }: DialectJob, { job, pictures }: Drawn): string {
  const [first] = pictures;
  const { settings } = first;
  const subseed = seedOf((settings.variation as { seed?: unknown } | undefined)?.seed ?? settings.seed);
  const seeds = pictures.map(({ seed }) => seedOf(seed));
  const { name = '', hash } = model(first);
  return JSON.stringify({
    ...{
      prompt: payload.prompt,
      all_prompts: pictures.map(picture => String(picture.settings.prompt ?? '')),
    },
    negative_prompt: payload.negativePrompt,
    all_negative_prompts: pictures.map(picture => String(picture.settings.negativePrompt ?? '')),
    ...{ seed: seeds[0], all_seeds: seeds, subseed, all_subseeds: seeds.map((_, i) => subseed + i) },
    subseed_strength: payload.variation?.strength ?? 0,
    ...{
      width: first.width,
      height: first.height,
      sampler_name: settings.sampler,
      cfg_scale: settings.guidance,
    },
    ...{
      steps: settings.steps,
      batch_size: payload.batch,
      restore_faces: false,
      face_restoration_model: null,
    },
    ...{
      sd_model_name: name,
      sd_model_hash: hash?.slice(0, 10) ?? null,
      sd_vae_name: null,
      sd_vae_hash: null,
    },
    seed_resize_from_w: payload.noiseSize?.width ?? -1,
    seed_resize_from_h: payload.noiseSize?.height ?? -1,
    denoising_strength: payload.init?.strength ?? payload.hires?.strength ?? null,
    extra_generation_params: {
      'Schedule type': settings.scheduler,
      ...(notApplied.length > 0 ? { 'Not applied': notApplied.join(', ') } : {}),
    },
    ...{ index_of_first_image: 0, infotexts: pictures.map(({ parameters }) => parameters), styles: [] },
    ...{ job_timestamp: stamp(job.createdAt), clip_skip: payload.clipSkip ?? 1 },
    ...{ is_using_inpainting_conditioning: false, version: `lora-studio ${version}` },
  });
}

export function answerOf(asked: Asked, dialect: DialectJob, drawn: Drawn): object {
  const { send_images } = asked;
  const images = send_images === false ? [] : drawn.pictures.map(({ bytes }) => bytes.toString('base64'));
  const { init_images, mask, ...echo } = asked as Record<string, unknown>;
  const keepsStart =
    asked !== undefined && 'include_init_images' in asked && asked.include_init_images === true;
  const parameters = keepsStart ? { ...echo, init_images, mask } : echo;
  return { images, parameters, info: infoOf(dialect, drawn) };
}
