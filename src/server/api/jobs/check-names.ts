/** @file What a new job names has to be there when it is asked for; when it runs, it is looked for again. */
import { LoraError } from '../../../errors.ts';
import type { JobKind, PayloadOf } from '../../../jobs/index.ts';
import { type CardUse, findDataset, type Library, uploadPath } from '../../../library/index.ts';
import type { StudioContext } from '../../context.ts';

const useNames: Readonly<Record<CardUse, string>> = {
  ...{ lora: 'a LoRA', checkpoint: 'a checkpoint', embedding: 'an embedding' },
  vae: 'an autoencoder',
};

function checkCard(library: Library, use: CardUse, id: string): void {
  if (use === 'checkpoint' && id === 'pocket') return;
  const card = library.card(id);
  if (!card)
    throw new LoraError('CARD_UNKNOWN', `the library has nothing with the id ${id}`, {
      hint: 'Was it removed? Let the library look again.',
    });
  if (card.use !== use)
    throw new LoraError('CARD_WRONG_USE', `${card.name} is ${useNames[card.use]}, not ${useNames[use]}`, {
      exit: 'usage',
    });
  if (card.state === 'broken') {
    const { code = 'CARD_BROKEN', message = `${card.name} cannot be read` } = card.fault ?? {};
    throw new LoraError(code, message, { exit: 'badInput' });
  }
  library.pathOf(id); // throws where it is missing
}

type Check = (context: StudioContext, payload: never) => void;
type Picture = Pick<PayloadOf<'generate'>, 'base' | 'loras' | 'init' | 'inpaint'>;

function checkPicture({ library, data }: StudioContext, { base, loras, init, inpaint }: Picture): void {
  checkCard(library, 'checkpoint', base);
  for (const { id } of loras) checkCard(library, 'lora', id);
  for (const id of [init?.picture, inpaint?.mask]) if (id !== undefined) uploadPath(data, id);
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
  generate: checkPicture,
  compare: (context, { picture }) => checkPicture(context, picture),
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

/** Throws CARD_*, DATASET_*, UPLOAD_UNKNOWN. The payload was checked by the schema of its kind. */
export function checkNames(context: StudioContext, kind: JobKind, payload: unknown): void {
  (checks[kind] as Check)(context, payload as never);
}
