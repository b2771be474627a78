/** @file Curves over steps. The drawing library is loaded when the first plot is shown. */
import { useEffect, useRef } from 'preact/hooks';
import { theme } from '../shell/theme.ts';

export type PlotTone = 'accent' | 'text' | 'soft' | 'danger' | 'warning' | 'good';

export interface PlotSeries {
  readonly label: string;
  /** As many as `x`; null where there is none. */
  readonly values: readonly (number | null)[];
  readonly tone: PlotTone;
  readonly width?: number | undefined;
  readonly isDashed?: boolean | undefined;
  /** Points without a line between. */
  readonly isPoints?: boolean | undefined;
  /** Not in the legend: an edge of a band. */
  readonly isEdge?: boolean | undefined;
}

export interface PlotProps {
  /** What a screen reader says: what it shows, and the last values. */
  readonly label: string;
  readonly x: readonly number[];
  readonly xLabel: string;
  readonly series: readonly PlotSeries[];
  /** Filled between two series, by index. */
  readonly bands?: readonly (readonly [number, number])[] | undefined;
  readonly height?: number | undefined;
  readonly isLog?: boolean | undefined;
}

interface Drawing {
  update(x: readonly number[], series: readonly PlotSeries[]): void;
  end(): void;
}

export function Plot({ label, x, xLabel, series, bands, height = 260, isLog }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const drawing = useRef<Drawing | undefined>(undefined);
  const shown = theme.value;
  /** What is shown now: a plot that is drawn anew, for another theme or late, shows that. */
  const latest = useRef<PlotProps>({ label, x, xLabel, series, bands, height, isLog });
  latest.current = { label, x, xLabel, series, bands, height, isLog };
  const shape = series.map(({ label: name, tone }) => `${name}/${tone}`).join('|');
  useEffect(() => {
    let isOver = false;
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const draw = (): void => {
      nameLanguage();
      void import('./plot-drawing.ts').then(({ drawPlot }) => {
        if (isOver || !box.current) return;
        drawing.current?.end();
        drawing.current = drawPlot(box.current, latest.current);
      });
    };
    draw();
    scheme.addEventListener('change', draw);
    return () => {
      isOver = true;
      scheme.removeEventListener('change', draw);
      drawing.current?.end();
      drawing.current = undefined;
    };
  }, [shape, shown, height, isLog, xLabel]);
  useEffect(() => drawing.current?.update(x, series), [x, series]);
  return (
    <figure class="plot" role="img" aria-label={label}>
      <div ref={box} style={{ minHeight: `${height}px` }} />
    </figure>
  );
}

/** Chromium on a Linux without a language calls it `en-US@posix`, which uPlot takes for a name of one and fails. */
function nameLanguage(): void {
  try {
    Intl.getCanonicalLocales(navigator.language);
  } catch {
    Object.defineProperty(navigator, 'language', { value: 'en-US', configurable: true });
  }
}
