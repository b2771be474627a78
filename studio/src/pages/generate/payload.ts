/** @file Between the form and a job's payload, both ways. */
import type { GeneratePayload } from '../../../../src/server/api-types.ts';
import { emptyForm, type Form, type FormLora } from './form.ts';
import { withoutTags } from './prompt-tags.ts';

/** What is sent: what the form leaves alone is left to the server. */
export type PicturePayload = Partial<GeneratePayload> & { prompt: string };

/** The form as a payload; `mask` is the id of the uploaded mask, where there is one. */
export function payloadOf(form: Form, mask?: string): PicturePayload {
  const { start, inpaint, hires, variation } = form;
  return {
    ...{ prompt: form.prompt, negativePrompt: form.negativePrompt },
    loras: form.loras
      .filter(({ isOn }) => isOn)
      .map(({ id, strength, textStrength }) => ({
        ...{ id, strength },
        ...(textStrength === undefined ? {} : { textStrength }),
      })),
    ...(form.base ? { base: form.base } : {}),
    ...{ width: form.width, height: form.height, steps: form.steps, guidance: form.guidance },
    ...{ sampler: form.sampler, ...(form.scheduler ? { scheduler: form.scheduler } : {}) },
    ...(form.seed ? { seed: form.seed } : {}),
    ...{ count: form.count, preset: form.preset, format: form.format },
    ...(form.clipSkip > 0 ? { clipSkip: form.clipSkip } : {}),
    ...(start ? { init: { picture: start.id, strength: form.strength, resize: form.resize } } : {}),
    ...(start && inpaint.isOn && mask
      ? {
          inpaint: {
            ...{ mask, blur: inpaint.blur, invert: inpaint.invert, content: inpaint.content },
            ...{ area: inpaint.area, padding: inpaint.padding },
          },
        }
      : {}),
    ...(hires.isOn && !(start && inpaint.isOn)
      ? {
          hires: {
            ...{ scale: hires.scale, upscaler: hires.upscaler, strength: hires.strength },
            ...(hires.steps > 0 ? { steps: hires.steps } : {}),
          },
        }
      : {}),
    ...(variation.isOn
      ? { variation: { seed: variation.seed || '-1', strength: variation.strength } as never }
      : {}),
  };
}

/** The form that a payload would have come from; names of LoRAs are those that the picture tells. */
export function formOf(
  payload: Partial<GeneratePayload>,
  names: ReadonlyMap<string, string>,
  before: Form,
): Form {
  const loras = (payload.loras ?? []).map(
    ({ id, strength, textStrength }): FormLora => ({
      ...{ id, name: names.get(id) ?? id, strength, isOn: true },
      ...(textStrength === undefined ? {} : { textStrength }),
    }),
  );
  const { hires, variation, clipSkip, scheduler, seed } = payload;
  return {
    ...{ ...emptyForm, insertsWords: before.insertsWords, count: before.count, start: before.start },
    ...{ prompt: payload.prompt ?? '', negativePrompt: payload.negativePrompt ?? '', loras },
    base: payload.base ?? before.base,
    ...{ width: payload.width ?? before.width, height: payload.height ?? before.height },
    ...{ steps: payload.steps ?? before.steps, guidance: payload.guidance ?? before.guidance },
    ...{ sampler: payload.sampler ?? before.sampler, scheduler: scheduler ?? '' },
    seed: seed === undefined || String(seed) === '-1' ? '' : String(seed),
    ...{ preset: payload.preset ?? 'lora', clipSkip: clipSkip ?? 0, format: payload.format ?? before.format },
    hires: hires
      ? {
          ...{ isOn: true, scale: hires.scale ?? 2, upscaler: hires.upscaler ?? 'latent' },
          ...{ steps: hires.steps ?? 0, strength: hires.strength ?? 0.7 },
        }
      : emptyForm.hires,
    variation: variation
      ? { isOn: true, seed: String(variation.seed), strength: variation.strength }
      : emptyForm.variation,
  };
}

/** The same picture with no LoRA: neither those beside the prompt nor those of tags. */
export function withoutLoras(payload: PicturePayload): PicturePayload {
  return {
    ...payload,
    ...{ prompt: withoutTags(payload.prompt), loras: [], count: 1, keep: false },
  };
}
