/** @file What a picture's settings say in words that programs have many of: samplers, upscalers, blocks and steps of LoRAs. */
import { resolveSampler } from '../../../diffusion/index.ts';
import { LoraError } from '../../../errors.ts';
import { checkStepRange, resolveUpscaler } from '../../../generation/index.ts';
import type { PayloadIssue, PayloadOf } from '../../../jobs/index.ts';
import { familyNamed, parseBlockWeights } from '../../../lora/index.ts';

export type DrawnFields = Pick<
  PayloadOf<'generate'>,
  'base' | 'loras' | 'init' | 'inpaint' | 'sampler' | 'scheduler' | 'hires'
>;

type Check = readonly [field: string, check: () => unknown];

function checksOf(
  { sampler, scheduler, hires, loras }: DrawnFields,
  familyName: string | undefined,
): Check[] {
  const family = familyName === undefined ? undefined : familyNamed(familyName);
  const own = hires?.sampler ?? hires?.scheduler;
  return [
    ['', () => resolveSampler(sampler, scheduler)],
    ...(hires ? [['hires.upscaler', () => resolveUpscaler(hires.upscaler)] as const] : []),
    ...(hires && own !== undefined
      ? [['hires.', () => resolveSampler(hires.sampler ?? sampler, hires.scheduler)] as const]
      : []),
    ...loras.flatMap(({ blocks, start, stop }, i): Check[] => [
      ...(blocks === undefined || family === undefined
        ? []
        : [[`loras.${i}.blocks`, () => parseBlockWeights(blocks, family)] as const]),
      [`loras.${i}.start`, () => checkStepRange(start, undefined)],
      [`loras.${i}.stop`, () => checkStepRange(undefined, stop)],
    ]),
  ];
}

/** A sampler's name may hold a scheduler's: the fault says which of both it is. */
const fieldOf = (field: string, { code }: LoraError): string =>
  field === '' || field.endsWith('.')
    ? `${field}${code.startsWith('SCHEDULER_') ? 'scheduler' : 'sampler'}`
    : field;

/** All that no program knows, each with what may stand there. `family` is the base's, where it is known. */
export function drawingIssues(picture: DrawnFields, family: string | undefined): PayloadIssue[] {
  return checksOf(picture, family).flatMap(([field, check]) => {
    try {
      check();
      return [];
    } catch (error) {
      if (!(error instanceof LoraError)) throw error;
      const { message, hint } = error;
      return [{ path: fieldOf(field, error), message: hint === undefined ? message : `${message}. ${hint}` }];
    }
  });
}
