import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { balanceRegularisation } from './regularisation.ts';

interface Golden {
  /** repeats, pictures, is_reg */
  folders: [number, number, boolean][];
  /** Path in the folders → how often sd-scripts shows it. */
  shown: Record<string, number>;
}
const golden: Golden[] = JSON.parse(
  readFileSync(new URL('../../test/golden/data/kohya-regularisation.json', import.meta.url), 'utf8'),
);

for (const { folders, shown } of golden) {
  test(`${JSON.stringify(folders)}: as often as in sd-scripts, and what it leaves out is told`, () => {
    const pictures = folders.flatMap(([repeats, count, isRegularisation], folder) =>
      Array.from({ length: count }, (_, i) => ({
        ...{ path: `${folder}/${i}.png`, repeats, rules: { isRegularisation } },
      })),
    );
    const { kept, left } = balanceRegularisation(pictures);
    expect(Object.fromEntries(kept.map(({ path, repeats }) => [path, repeats]))).toEqual(shown);
    expect(left.map(({ path }) => path)).toEqual(pictures.map(p => p.path).filter(path => !(path in shown)));
  });
}
