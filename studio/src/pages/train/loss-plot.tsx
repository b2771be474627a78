/** @file The loss: every step faint, smoothed, held-out pictures with their interval and the best one; the rate where asked. */
import { useSignal } from '@preact/signals';
import type { ApiTrainingRows } from '../../../../src/server/api-types.ts';
import { Plot, type PlotSeries, Switch } from '../../parts/index.ts';
import { bestLook, type Column, columnsOf, lossRange } from './run-series.ts';

const shown = (value: number | undefined): string => (value === undefined ? 'unknown' : value.toPrecision(3));

/** What is far above is drawn at the edge. */
const within = (column: Column, top: number): Column =>
  column.map(value => (value === null ? null : Math.max(0, Math.min(value, top))));

export function LossPlot({ rows }: { readonly rows: ApiTrainingRows }) {
  const hasRate = useSignal(false);
  const columns = columnsOf(rows);
  const [, top] = lossRange(columns);
  const best = bestLook(rows.validations);
  const hasLooks = rows.validations.length > 0;
  const hasBand = rows.validations.some(({ low, high }) => low !== undefined && high !== undefined);
  const last = rows.steps.at(-1);
  const looks: PlotSeries[] = hasLooks
    ? [
        { label: 'held-out pictures', values: within(columns.validation, top), tone: 'warning' },
        {
          label: 'best',
          values: columns.steps.map((step, i) =>
            step === best?.step ? (columns.validation[i] ?? null) : null,
          ),
          tone: 'good',
          isPoints: true,
        },
      ]
    : [];
  const band: PlotSeries[] = hasBand
    ? [
        { label: 'high', values: within(columns.high, top), tone: 'warning', isEdge: true },
        { label: 'low', values: within(columns.low, top), tone: 'warning', isEdge: true },
      ]
    : [];
  const series: PlotSeries[] = [
    ...band,
    { label: 'each step', values: within(columns.loss, top), tone: 'soft', width: 0.75 },
    { label: 'smoothed', values: within(columns.smoothed, top), tone: 'accent' },
    ...looks,
  ];
  const heldOut = best
    ? `; held-out pictures: ${shown(rows.validations.at(-1)?.validation)}, best ${shown(best.validation)} at step ${best.step}`
    : '';
  return (
    <section class="loss-plot" aria-labelledby="loss-title">
      <div class="row spread wrap">
        <h2 id="loss-title">Loss</h2>
        <Switch
          label="Learning rate"
          isOn={hasRate.value}
          onChange={isOn => {
            hasRate.value = isOn;
          }}
        />
      </div>
      <Plot
        label={`Loss after ${last?.step ?? 0} steps: ${shown(last?.smoothed)}${heldOut}`}
        x={columns.steps}
        xLabel="step"
        series={series}
        {...(hasBand ? { bands: [[0, 1]] as const } : {})}
        height={280}
      />
      {hasRate.value && (
        <Plot
          label={`Learning rate: ${last?.rate ?? 0} at step ${last?.step ?? 0}`}
          x={columns.steps}
          xLabel="step"
          series={[{ label: 'rate', values: columns.rate, tone: 'accent' }]}
          height={130}
        />
      )}
    </section>
  );
}
