/** @file uPlot in the page's colours. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { PlotProps, PlotSeries, PlotTone } from './plot.tsx';

const tones: Readonly<Record<PlotTone, string>> = {
  ...{ accent: '--accent', text: '--text', soft: '--line-strong' },
  ...{ danger: '--danger', warning: '--warning', good: '--good' },
};

/** A custom property may be `light-dark(…)`: only a used colour is what a canvas understands. */
function colours(box: HTMLElement): (name: string) => string {
  const probe = box.appendChild(document.createElement('span'));
  // Where motion is reduced, all transitions are set very short, and a colour would be read before it is there.
  probe.style.setProperty('transition', 'none', 'important');
  return name => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
}

const clear = (colour: string, share: number): string =>
  colour.replace(/^rgb\((.*)\)$/, (_, parts: string) => `rgb(${parts.replaceAll(',', ' ')} / ${share})`);

/** Draws, and says how to draw other values and how to end. */
export function drawPlot(box: HTMLElement, props: PlotProps) {
  const { x, xLabel, series, bands, height = 260, isLog } = props;
  const colour = colours(box);
  const [text, line] = [colour('--text-soft'), colour('--line')];
  const axis: uPlot.Axis = {
    stroke: text,
    font: '12px Inter, system-ui, sans-serif',
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    gap: 8,
  };
  const options: uPlot.Options = {
    width: box.clientWidth || 400,
    height,
    // Room for the half of the last label of x.
    padding: [12, 24, 0, 0],
    cursor: { points: { size: 7 }, y: false },
    scales: { x: { time: false }, y: { distr: isLog ? 3 : 1 } },
    axes: [axis, { ...axis, size: 62, values: (_, splits) => splits.map(shortNumber) }],
    series: [
      { label: xLabel, value: (_, value) => (value === null ? '–' : String(value)) },
      ...series.map(one => seriesOf(one, colour(tones[one.tone]))),
    ],
    bands: (bands ?? []).map(([above, below]) => ({
      series: [above + 1, below + 1],
      fill: clear(colour(tones[series[above]!.tone]), 0.16),
    })),
  };
  const plot = new uPlot(options, dataOf(x, series), box);
  const observer = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height }));
  observer.observe(box);
  return {
    update: (newX: readonly number[], newSeries: readonly PlotSeries[]) =>
      plot.setData(dataOf(newX, newSeries)),
    end: () => {
      observer.disconnect();
      plot.destroy();
      box.replaceChildren();
    },
  };
}

function seriesOf(
  { label, width = 2, isDashed, isPoints, isEdge }: PlotSeries,
  stroke: string,
): uPlot.Series {
  return {
    label,
    stroke: isEdge ? 'transparent' : stroke,
    width: isEdge || isPoints ? 0 : width,
    spanGaps: true,
    points: { show: isPoints ?? false, size: 6, fill: stroke },
    value: (_, value) => (value === null || value === undefined ? '–' : shortNumber(value)),
    ...(isDashed ? { dash: [6, 4] } : {}),
    ...(isEdge ? { class: 'edge' } : {}),
  };
}

const dataOf = (x: readonly number[], series: readonly PlotSeries[]): uPlot.AlignedData =>
  [x, ...series.map(({ values }) => values)] as unknown as uPlot.AlignedData;

function shortNumber(value: number | null): string {
  if (value === null) return '';
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(1);
  return String(Number(value.toPrecision(4)));
}
