/** @file The contact sheet of previews: prompts from top to bottom, without the LoRA and then step by step to the right. */
import type { DrawSheet, PreviewRequest, PreviewSheet } from '../../training/index.ts';
import { oneLine } from '../lines.ts';
import type { SheetLimits } from '../sheets/layout.ts';
import { commonText, joined } from '../sheets/lines.ts';
import { drawSheet } from '../sheets/sheet.ts';

/** It is drawn again after each preview, so it is no poster. */
const limits: SheetLimits = { side: 4096, area: 8e6 };
/** Of more steps, the first, the last, and some evenly between are shown. */
const mostColumns = 16;

/** Positions in the sheet's columns. */
function chosenColumns(count: number): number[] {
  if (count <= mostColumns) return Array.from({ length: count }, (_, i) => i);
  // The base stays, and the newest.
  const last = mostColumns - 2;
  return [0, ...Array.from({ length: last + 1 }, (_, i) => 1 + Math.round((i * (count - 2)) / last))];
}

const columnName = (step: number): string => (step === 0 ? 'without' : `step ${step}`);

/** In the caption what all prompts share, beside each prompt what is its own. */
const settingTexts: readonly ((request: PreviewRequest) => string)[] = [
  ({ width, height }) => `${width}×${height}`,
  ({ seed }) => `seed ${seed}`,
  ({ steps }) => `${steps} ${steps === 1 ? 'step' : 'steps'}`,
  ({ sampler }) => sampler.samplerLabel,
  ({ guidance }) => `guidance ${guidance}`,
  ({ negativePrompt }) => (negativePrompt === '' ? '' : `without: ${oneLine(negativePrompt)}`),
];

/** Draws the sheet as a PNG. */
export const drawPreviewSheet: DrawSheet = async ({ title, steps, rows }: PreviewSheet) => {
  const columns = chosenColumns(steps.length);
  const requests = rows.map(({ request }) => request);
  const shared = settingTexts.map(textOf => commonText(requests, textOf));
  const ownOf = (request: PreviewRequest): string =>
    settingTexts
      .flatMap((textOf, i) => (shared[i] === undefined ? textOf(request) : []))
      .filter(text => text !== '')
      .join(', ');
  const { png } = await drawSheet({
    ...{ title: oneLine(title), subtitle: '' },
    caption: joined(shared.map(text => text ?? '')),
    x: { title: '', values: columns.map(at => ({ label: columnName(steps[at]) })) },
    y: {
      title: 'prompt',
      values: requests.map(request => ({ label: oneLine(request.prompt), note: ownOf(request) })),
    },
    files: rows.map(({ files }) => columns.map(at => files[at])),
    picture: {
      width: Math.max(...requests.map(({ width }) => width)),
      height: Math.max(...requests.map(({ height }) => height)),
    },
    limits,
  });
  return png;
};
