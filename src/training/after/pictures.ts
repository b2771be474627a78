/** @file How far pictures move with a LoRA, by what can be measured without another network: coarse colours. */

export interface DrawnPicture {
  readonly width: number;
  readonly height: number;
  /** Interleaved RGB. */
  readonly data: Uint8Array;
}

/** Draws a prompt from a seed, with the LoRA at strength 1 or without it. */
export type DrawPicture = (prompt: string, seed: number, withLora: boolean) => Promise<DrawnPicture>;

const cells = 8;

/** Mean colours of 8×8 cells: where which colour lies, without texture. [8 · 8 · 3] */
function coarseColours({ width, height, data }: DrawnPicture): Float64Array {
  const sums = new Float64Array(cells * cells * 3);
  const counts = new Float64Array(cells * cells);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const cell = Math.floor((y * cells) / height) * cells + Math.floor((x * cells) / width);
      counts[cell]++;
      for (let c = 0; c < 3; c++) sums[3 * cell + c] += data[3 * (y * width + x) + c];
    }
  return sums.map((sum, i) => sum / counts[Math.floor(i / 3)]);
}

/** Mean difference of coarse colours, levels of 255. */
export function colourDistance(a: DrawnPicture, b: DrawnPicture): number {
  const [one, two] = [coarseColours(a), coarseColours(b)];
  return one.reduce((sum, value, i) => sum + Math.abs(value - two[i]), 0) / one.length;
}

export interface PictureFacts {
  /** Mean change by the LoRA, levels of 255: with the trigger, and with the class in its place. */
  readonly withTrigger: number;
  readonly withoutTrigger: number;
  /** What another seed changes without any LoRA. */
  readonly otherSeed: number;
}

/** Two seeds, two prompts, with and without: eight pictures. */
export async function measurePictures(
  drawPicture: DrawPicture,
  [withTrigger, withoutTrigger]: readonly [string, string],
): Promise<PictureFacts> {
  const change = { [withTrigger]: 0, [withoutTrigger]: 0 };
  const bases: DrawnPicture[] = [];
  for (const prompt of [withTrigger, withoutTrigger])
    for (const seed of [1, 2]) {
      const base = await drawPicture(prompt, seed, false);
      change[prompt] += colourDistance(base, await drawPicture(prompt, seed, true)) / 2;
      bases.push(base);
    }
  const otherSeed = (colourDistance(bases[0], bases[1]) + colourDistance(bases[2], bases[3])) / 2;
  return { withTrigger: change[withTrigger], withoutTrigger: change[withoutTrigger], otherSeed };
}
