/** @file Cross-checks of validation, stopping, saving and previews. */
import type { Recipe } from '../schema.ts';
import { type Check, idle, when } from './check.ts';

const holdsOut = ({ validationShare, validationFolder }: Recipe): boolean =>
  validationShare > 0 || validationFolder !== null;
const notHeldOut = 'no pictures are held out; set validationShare or validationFolder';
const savesOnTheWay = ({ saveEvery, saveEveryEpochs }: Recipe): boolean =>
  saveEvery > 0 || saveEveryEpochs > 0;

export const savingChecks: readonly Check[] = [
  idle('patience', r => r.patience > 0 && !holdsOut(r), notHeldOut),
  idle('validateEvery', r => r.validateEvery > 0 && !holdsOut(r), notHeldOut),
  idle('validationDraws', r => r.validationDraws !== 32 && !holdsOut(r) && r.leaveOut === 0, notHeldOut),
  {
    ...{ field: 'validationFolder', level: 'error' },
    why: r =>
      when(
        r.validationFolder !== null && r.validationShare > 0,
        'does not go with validationShare: take one of them',
      ),
  },
  {
    ...{ field: 'leaveOut', level: 'error' },
    why: r =>
      when(r.leaveOut === 1, '1 run leaves out one part of the pictures only; 2 to 5 are usual, 0 is off'),
  },
  {
    ...{ field: 'leaveOut', level: 'error' },
    why: r =>
      when(
        r.leaveOut > 0 && holdsOut(r),
        'does not go with validationShare or validationFolder: its runs hold out pictures themselves',
      ),
  },
  {
    ...{ field: 'validateEvery', level: 'advice' },
    why: r =>
      when(
        holdsOut(r) && r.validateEvery > r.steps,
        `${r.validateEvery} is more than ${r.steps} steps: there will be no look on the way`,
      ),
  },
  idle(
    'keepSaves',
    r => r.keepSaves > 0 && !savesOnTheWay(r),
    'nothing is saved on the way; set saveEvery or saveEveryEpochs',
  ),
  {
    ...{ field: 'saveEvery', level: 'advice' },
    why: r =>
      when(
        r.saveEvery > r.steps,
        `${r.saveEvery} is more than ${r.steps} steps: only the last will be saved`,
      ),
  },
  idle(
    'previewEvery',
    r => r.previewEvery > 0 && r.previewPrompts.length === 0,
    'there are no previewPrompts',
  ),
  idle(
    'previewEveryEpochs',
    r => r.previewEveryEpochs > 0 && r.previewPrompts.length === 0,
    'there are no previewPrompts',
  ),
  {
    ...{ field: 'previewEvery', level: 'advice' },
    why: r =>
      when(
        r.previewEvery > r.steps && r.previewPrompts.length > 0,
        `${r.previewEvery} is more than ${r.steps} steps: there will be no preview on the way`,
      ),
  },
];
