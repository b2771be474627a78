/** @file What is said of a LoRA that was read for a base. */
import type { LoadedLora } from '../generation/index.ts';
import type { LoadReport } from '../lora/index.ts';

const mostShown = 3;

function skippedLines({ skipped }: LoadReport): string[] {
  const shown = skipped.slice(0, mostShown).map(({ key, reason }) => `  skipped ${key}: ${reason}`);
  const more = skipped.length - shown.length;
  return more > 0 ? [...shown, `  and ${more} more skipped`] : shown;
}

const list = (values: readonly number[]): string =>
  values.map(value => Number(value.toPrecision(6))).join('/');

/**
 * `192/192 UNet, 72/72 text encoder; LoRA of rank 16, alpha 8, for SD 1.x, kohya names; 792 tensors used, 0 skipped`,
 * then a line for each thing worth telling.
 */
export function describeLoad(report: LoadReport): string {
  const { coverage, kinds, ranks, alphas, family, dialect, applied, skipped, mismatched, findings } = report;
  const rank = ranks.length > 0 ? ` of rank ${list(ranks)}, alpha ${list(alphas)}` : '';
  const other = mismatched > 0 ? ` (${mismatched} for another shape)` : '';
  const head = [
    coverage,
    `${kinds.join(', ')}${rank}, for ${family}, ${dialect} names`,
    `${applied} tensors used, ${skipped.length} skipped${other}`,
  ].join('; ');
  return [head, ...skippedLines(report), ...findings.map(finding => `  note: ${finding}`)].join('\n');
}

/** The same with the name and strengths in front. */
export function describeLora({
  name,
  strength,
  textStrength = strength,
  blocksText,
  report,
}: LoadedLora): string {
  const onText = textStrength === strength ? '' : ` (text encoder ${textStrength})`;
  const inBlocks = blocksText === undefined ? '' : `, blocks ${blocksText}`;
  return `${name} at ${strength}${onText}${inBlocks}: ${describeLoad(report)}`;
}
