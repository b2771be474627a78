/** @file The picture and the mask that a picture began with: given, or lying beside it. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { badInput, usageError } from '../../errors.ts';
import type { PictureText } from '../../generation/index.ts';
import { oneLine } from '../../workbench/index.ts';

export interface Start {
  readonly init?: string | undefined;
  readonly mask?: string | undefined;
}

/** What a text says of one of the two: that there was one, or that there may have been, and its name. */
interface Said {
  readonly was: boolean;
  readonly mayHaveBeen?: boolean;
  readonly name?: string | undefined;
}

function said({ record, settings: found }: PictureText): { init: Said; mask: Said } {
  if (record) {
    const { init, inpaint } = record.settings;
    return {
      init: { was: init !== undefined, name: init?.picture.path },
      mask: { was: inpaint !== undefined, name: inpaint?.mask.path },
    };
  }
  const { init, inpaint, denoising, hires } = found;
  // Many programs write only how much was drawn anew.
  const mayHaveBeen = denoising !== undefined && hires === undefined;
  return {
    init: { was: init !== undefined || inpaint !== undefined, mayHaveBeen, name: init?.name },
    mask: { was: inpaint !== undefined, mayHaveBeen: mayHaveBeen || init !== undefined },
  };
}

function pathOf(
  { was, mayHaveBeen = false, name }: Said,
  given: string | undefined,
  picture: string,
  [option, what]: readonly [string, string],
): string | undefined {
  if (given !== undefined) {
    if (was || mayHaveBeen) return given;
    throw usageError(
      'OPTION_NEEDS',
      `${option} has no effect: ${picture} was made without ${what}`,
      `Leave ${option} out.`,
    );
  }
  if (!was) return undefined;
  const file = name === undefined ? undefined : basename(name.replaceAll('\\', '/'));
  if (file !== undefined) {
    const beside = join(dirname(picture), file);
    if (existsSync(beside)) return beside;
  }
  const which = file === undefined ? 'which it does not name' : `${oneLine(file)}, which is not beside it`;
  throw badInput(
    'PICTURE_NOT_FOUND',
    `${picture} was made with ${what}, ${which}`,
    `Give it with ${option}.`,
  );
}

/**
 * What the picture began with. Throws PICTURE_NOT_FOUND for what is neither given nor beside it, OPTION_NEEDS for what is
 * given and was not there.
 */
export function startOf(text: PictureText, picture: string, given: Start): Start {
  const { init, mask } = said(text);
  return {
    init: pathOf(init, given.init, picture, ['--init', 'a picture to start from']),
    mask: pathOf(mask, given.mask, picture, ['--mask', 'a mask']),
  };
}
