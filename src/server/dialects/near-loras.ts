/** @file A LoRA that is not there, told with near names of the library: where its folders lie is not for clients. */
import { LoraError, nearestWords } from '../../errors.ts';
import type { StudioContext } from '../context.ts';
import { cardsOf } from './a1111/models.ts';

/** Other errors as they are. */
export function withNearLoras({ library }: StudioContext, error: unknown): unknown {
  if (!(error instanceof LoraError) || error.code !== 'LORA_NOT_FOUND') return error;
  if (error.hint?.startsWith('Nearest names:')) return error;
  const [, wanted = ''] = /is called (.+?)$/.exec(error.message) ?? [];
  const names = cardsOf(library, 'lora').map(({ fileName }) => fileName.replace(/\.\w+$/, ''));
  const near = nearestWords(wanted, names);
  const hint =
    near.length > 0
      ? `Nearest names: ${near.join(', ')}.`
      : names.length > 0
        ? `There are ${names.slice(0, 10).join(', ')}${names.length > 10 ? ' …' : ''}.`
        : 'The library has no LoRAs.';
  return new LoraError(error.code, error.message, { exit: error.exit, hint });
}
