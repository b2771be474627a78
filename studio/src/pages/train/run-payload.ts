/** @file What an earlier run was asked for, as a form to begin another one with. */
import type { TrainPayload } from '../../../../src/server/api-types.ts';

/** What a form takes over; what a run did not say is as a new form has it. */
export type EarlierRun = Pick<TrainPayload, 'dataset'> & Partial<TrainPayload>;

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The payload of a job as an earlier run; undefined where it names no data set. */
export function earlierRun(payload: unknown): EarlierRun | undefined {
  if (!isRecord(payload) || !isText(payload.dataset)) return undefined;
  const { name, base, dataset, goal, trigger, recipe, previewPrompts, previewEvery } = payload;
  const { memory, continueFrom, card } = payload;
  return {
    dataset,
    ...(isText(name) ? { name } : {}),
    ...(isText(base) ? { base } : {}),
    ...(isText(goal) ? { goal: goal as NonNullable<TrainPayload['goal']> } : {}),
    ...(isText(trigger) ? { trigger } : {}),
    ...(isRecord(recipe) ? { recipe } : {}),
    ...(Array.isArray(previewPrompts) ? { previewPrompts: previewPrompts.filter(isText) } : {}),
    ...(isNumber(previewEvery) && previewEvery > 0 ? { previewEvery } : {}),
    ...(isNumber(memory) ? { memory } : {}),
    ...(isText(continueFrom) ? { continueFrom } : {}),
    ...(isRecord(card) ? { card: card as TrainPayload['card'] } : {}),
  };
}
