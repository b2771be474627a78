/** @file Align Your Steps (Sabour et al. 2024): optimised sigmas of ten steps; other counts lie between them. */
import { linspace, valueAt } from './interpolation.ts';

/** As the authors published them and A1111 has them. */
const published = {
  sd1: [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029],
  sdxl: [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.38, 0.234, 0.113, 0.029],
};

/** The same with the digits that ComfyUI has. */
const comfys = {
  sd1: [
    ...[14.6146412293, 6.4745760956, 3.8636745985, 2.694615152, 1.8841921177, 1.3943805092, 0.9642583904],
    ...[0.6523686016, 0.3977456272, 0.1515232662, 0.0291671582],
  ],
  sdxl: [
    ...[14.6146412293, 6.3184485287, 3.7681790315, 2.1811480769, 1.3405244945, 0.8620721141, 0.5550693289],
    ...[0.3798540708, 0.2332364134, 0.1114188177, 0.0291671582],
  ],
};

function spread(levels: readonly number[], count: number): number[] {
  if (count === levels.length) return [...levels];
  // NumPy's interpolation starts at the low end: one number is the lowest.
  return linspace(0, levels.length - 1, count)
    .map(fromLowest => valueAt(levels, levels.length - 1 - fromLowest, true))
    .reverse();
}

/** `steps` sigmas down to the lowest, and 0. */
export function alignYourSteps(steps: number, isSdxl: boolean): number[] {
  return [...spread(isSdxl ? published.sdxl : published.sd1, steps), 0];
}

/** `steps` sigmas; the lowest is left out for 0 (ComfyUI's node, and the authors' own list for diffusers). */
export function alignYourStepsToZero(steps: number, isSdxl: boolean): number[] {
  return [...spread(isSdxl ? comfys.sdxl : comfys.sd1, steps + 1).slice(0, -1), 0];
}
