/** @file A grid as the page shows it: of a finished job's result, or of what a running one tells. */
import type { ApiJobProgress, ApiWholeJob } from '../../../../src/server/api-types.ts';

export interface GridAxis {
  readonly title: string;
  readonly labels: readonly string[];
  /** What belongs to a value: the step of an epoch. */
  readonly notes: readonly string[];
}

export interface GridCell {
  /** Position on each axis. */
  readonly at: readonly number[];
  /** Of the job's artefact, or of a running job's small picture. */
  readonly name: string;
  readonly url: string | undefined;
  readonly pictureId?: string | undefined;
  readonly settings?: CellSettings | undefined;
}

export interface CellSettings {
  readonly prompt?: string;
  readonly negativePrompt?: string;
  readonly seed?: string | number;
  readonly steps?: number;
  readonly guidance?: number;
  readonly sampler?: string;
  readonly width?: number;
  readonly height?: number;
  readonly loras?: readonly { readonly name: string; readonly strength: number; readonly hash?: string }[];
}

export interface Grid {
  /** x, y, and those of which each value has a sheet. */
  readonly axes: readonly GridAxis[];
  readonly cells: readonly GridCell[];
}

interface ToldAxis {
  readonly title: string;
  readonly values: readonly { readonly label: string; readonly epoch?: { readonly step?: number } }[];
}

const axisOf = ({ title, values }: ToldAxis): GridAxis => ({
  title,
  labels: values.map(({ label }) => label),
  notes: values.map(({ label, epoch }) =>
    epoch?.step === undefined || label.includes(String(epoch.step)) ? '' : `step ${epoch.step}`,
  ),
});

interface GridResult {
  readonly axes: readonly ToldAxis[];
  readonly cells: readonly { readonly at: readonly number[]; readonly file: string | null }[];
  readonly pictures: readonly { readonly file: string | null; readonly settings: CellSettings }[];
}

/** An axis that was not asked for has one value in `at`; the told axes leave it out. */
function placesOf(cells: readonly { readonly at: readonly number[] }[], axes: readonly ToldAxis[]): number[] {
  const length = cells[0]?.at.length ?? 0;
  if (length === axes.length) return axes.map((_, i) => i);
  const most = Array.from({ length }, (_, i) => Math.max(0, ...cells.map(({ at }) => at[i] ?? 0)));
  const kept: number[] = [];
  for (const { values } of axes) {
    const from = (kept.at(-1) ?? -1) + 1;
    let place = most.findIndex((last, i) => i >= from && last === values.length - 1);
    if (place < 0) place = from;
    kept.push(place);
  }
  return kept;
}

/** Of a job that is done. */
export function finishedGrid({
  result,
  artefacts,
}: Pick<ApiWholeJob, 'result' | 'artefacts'>): Grid | undefined {
  const told = result as GridResult | undefined;
  if (!told?.axes || !told.cells) return undefined;
  const files = new Map(artefacts.map(artefact => [artefact.name, artefact]));
  const settings = new Map(told.pictures.map(picture => [picture.file, picture.settings]));
  const places = placesOf(told.cells, told.axes);
  return {
    axes: told.axes.map(axisOf),
    cells: told.cells.map(({ at, file }) => ({
      at: places.map(place => at[place] ?? 0),
      name: file ?? '',
      url: file === null ? undefined : files.get(file)?.url,
      pictureId: file === null ? undefined : files.get(file)?.pictureId,
      settings: settings.get(file),
    })),
  };
}

interface GridDetail {
  readonly pictures?: number;
  readonly done?: number;
  readonly grid?: { readonly axes: readonly ToldAxis[]; readonly cells: readonly number[] };
}

/** Of a job that runs: small pictures come by the number of their picture. */
export function runningGrid(
  progress: Pick<ApiJobProgress, 'detail'> | undefined,
  previews: ReadonlyMap<string, string>,
): Grid | undefined {
  const { grid } = (progress?.detail ?? {}) as GridDetail;
  if (!grid) return undefined;
  const axes = grid.axes.map(axisOf);
  const counts = axes.map(({ labels }) => labels.length);
  return {
    axes,
    cells: grid.cells.map((picture, i) => {
      let rest = i;
      const at = counts.map(count => {
        const place = rest % count;
        rest = Math.floor(rest / count);
        return place;
      });
      const name = `picture-${picture + 1}`;
      return { at, name, url: previews.get(name) };
    }),
  };
}

/** The cell at a place. */
export const cellAt = ({ cells }: Grid, at: readonly number[]): GridCell | undefined =>
  cells.find(cell => cell.at.every((place, i) => place === at[i]));

/** `strength 0.6 · epoch 2`. */
export const cellLabel = ({ axes }: Grid, { at }: GridCell): string =>
  axes
    .map(({ title, labels }, i) => {
      const label = labels[at[i] ?? 0] ?? '';
      return title === 'epoch' && label !== 'none' ? label : `${title} ${label}`;
    })
    .join(' · ');
