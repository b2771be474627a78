/** @file As many regularisation pictures as training pictures: sd-scripts' rule. */
import type { Skip } from './findings.ts';
import type { PictureRules } from './picture-rules.ts';

interface Counted {
  path: string;
  repeats: number;
  rules: Pick<PictureRules, 'isRegularisation'>;
}

const sumOfRepeats = (pictures: readonly Counted[]): number =>
  pictures.reduce((sum, { repeats }) => sum + repeats, 0);

/**
 * Takes regularisation pictures in their order, each as often as its folder says, until they are as many as the
 * training pictures; then each once more, as long as they are fewer. Those that are not reached are left out.
 */
export function balanceRegularisation<P extends Counted>(
  pictures: readonly P[],
): { kept: P[]; left: Skip[] } {
  const wanted = sumOfRepeats(pictures.filter(({ rules }) => !rules.isRegularisation));
  const others = pictures.filter(({ rules }) => rules.isRegularisation);
  const repeats = new Map<P, number>();
  let count = 0;
  for (const picture of others) {
    if (count >= wanted) break;
    repeats.set(picture, picture.repeats);
    count += picture.repeats;
  }
  const missing = Math.max(0, wanted - count);
  for (const [index, picture] of [...repeats.keys()].entries()) {
    const rounds = Math.floor(missing / repeats.size) + (index < missing % repeats.size ? 1 : 0);
    repeats.set(picture, picture.repeats + rounds);
  }
  const reason = `there are ${wanted} training pictures (repeats counted), and as many regularisation pictures before it`;
  return {
    kept: pictures.flatMap(picture => {
      if (!picture.rules.isRegularisation) return [picture];
      const times = repeats.get(picture);
      return times === undefined ? [] : [{ ...picture, repeats: times }];
    }),
    left: others
      .filter(picture => !repeats.has(picture))
      .map(({ path }) => ({ path, code: 'REGULARISATION_SURPLUS', reason })),
  };
}
