/** @file What a new job names has to be there when it is asked for; when it runs, it is looked for again. */
import { LoraError } from '../../../errors.ts';
import { cardOf, type JobKind, PayloadError, type PayloadOf } from '../../../jobs/index.ts';
import { type CardUse, findDataset, type Library, uploadPath } from '../../../library/index.ts';
import type { StudioContext } from '../../context.ts';
import { type DrawnFields, drawingIssues } from './drawing-issues.ts';

function checkCard(library: Library, use: CardUse, id: string): void {
  if (use === 'checkpoint' && id === 'pocket') return;
  const card = cardOf(library, id, use);
  if (card.state === 'broken') {
    const { code = 'CARD_BROKEN', message = `${card.name} cannot be read` } = card.fault ?? {};
    throw new LoraError(code, message, { exit: 'badInput' });
  }
  library.pathOf(id); // throws where it is missing
}

type Check = (context: StudioContext, payload: never) => void;

function checkPicture(
  { library, data }: StudioContext,
  picture: DrawnFields,
  kind: JobKind,
  field = '',
): void {
  const { base, loras, init, inpaint } = picture;
  checkCard(library, 'checkpoint', base);
  for (const { id } of loras) checkCard(library, 'lora', id);
  for (const id of [init?.picture, inpaint?.mask]) if (id !== undefined) uploadPath(data, id);
  const family = base === 'pocket' ? base : library.card(base)?.family;
  const issues = drawingIssues(picture, family).map(({ path, message }) => ({ path: field + path, message }));
  if (issues.length > 0) throw new PayloadError(kind, issues);
}

function checkTraining(
  { library, data }: StudioContext,
  { base, dataset, continueFrom }: Pick<PayloadOf<'plan'>, 'base' | 'dataset' | 'continueFrom'>,
): void {
  checkCard(library, 'checkpoint', base);
  findDataset(data, dataset);
  if (continueFrom !== undefined) checkCard(library, 'lora', continueFrom);
}

const checks: { readonly [K in JobKind]: (context: StudioContext, payload: PayloadOf<K>) => void } = {
  generate: (context, picture) => checkPicture(context, picture, 'generate'),
  compare: (context, { picture }) => checkPicture(context, picture, 'compare', 'picture.'),
  train: checkTraining,
  plan: checkTraining,
  merge({ library }, payload) {
    if (payload.into === 'checkpoint') checkCard(library, 'checkpoint', payload.base);
    for (const { id } of payload.loras) checkCard(library, 'lora', id);
  },
  'dataset-report'({ library, data }, { dataset, base }) {
    checkCard(library, 'checkpoint', base);
    findDataset(data, dataset);
  },
};

/** Throws CARD_*, DATASET_*, UPLOAD_UNKNOWN, and PAYLOAD_INVALID for samplers and the like. The payload was checked by the schema of its kind. */
export function checkNames(context: StudioContext, kind: JobKind, payload: unknown): void {
  (checks[kind] as Check)(context, payload as never);
}
