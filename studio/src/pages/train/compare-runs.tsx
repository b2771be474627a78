/** @file Several runs in one plot, and what differs between their recipes. */
import type { ApiTrainingRows, ApiWholeJob, TrainPayload } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { ErrorNote, Plot, type PlotSeries, type PlotTone, Spinner, useLoaded } from '../../parts/index.ts';
import { PageHead } from '../../shell/page-head.tsx';
import { runPath } from '../data/addresses.ts';
import { differencesOf } from './differences.ts';
import { resultOf } from './run-result.ts';
import { bestLook, type Column } from './run-series.ts';

interface ComparedRun {
  readonly job: ApiWholeJob;
  readonly rows: ApiTrainingRows;
}

/** Enough to see a curve by. */
const mostSteps = 1000;

const tones: readonly PlotTone[] = ['accent', 'warning', 'danger', 'good', 'text'];

const readRun = async (id: string, stop: AbortSignal): Promise<ComparedRun> => {
  const [job, rows] = await Promise.all([
    api.job(id, stop),
    api.trainingRows(id, { after: 0, most: mostSteps }, stop),
  ]);
  return { job, rows };
};

export function CompareRuns({ ids }: { readonly ids: readonly string[] }) {
  const { value, error, reload } = useLoaded(
    stop => Promise.all(ids.map(id => readRun(id, stop))),
    [ids.join(',')],
  );
  return (
    <div class="page">
      <PageHead title="Compare runs" text={<a href="#/train">All runs</a>} />
      <ErrorNote error={error} onRetry={reload} />
      {!value && !error && <Spinner label="Reading runs" />}
      {value && <Compared runs={value} />}
    </div>
  );
}

/** One axis of steps for all; a run says nothing where it has no row. */
function seriesOf(
  runs: readonly ComparedRun[],
  pick: (rows: ApiTrainingRows) => readonly (readonly [number, number])[],
) {
  const maps = runs.map(({ rows }) => new Map(pick(rows)));
  const x = [...new Set(maps.flatMap(map => [...map.keys()]))].sort((a, b) => a - b);
  const columns: Column[] = maps.map(map => x.map(step => map.get(step) ?? null));
  return { x, columns };
}

/** Runs of the same name are told apart by their number. */
function namesOf(runs: readonly ComparedRun[]): string[] {
  const titles = runs.map(({ job }) => job.title);
  return titles.map((title, i) =>
    titles.indexOf(title) === titles.lastIndexOf(title) ? title : `${title} (${i + 1})`,
  );
}

function Compared({ runs }: { readonly runs: readonly ComparedRun[] }) {
  const names = namesOf(runs);
  const losses = seriesOf(runs, ({ steps }) => steps.map(({ step, smoothed }) => [step, smoothed]));
  const looks = seriesOf(runs, ({ validations }) =>
    validations.map(({ step, validation }) => [step, validation]),
  );
  const series = (columns: readonly Column[]): PlotSeries[] =>
    columns.map((values, i) => ({
      label: names[i] ?? '',
      values,
      tone: tones[i % tones.length] ?? 'accent',
    }));
  // A run that is not over tells only what was said of its recipe: then that is compared.
  const areWhole = runs.every(({ job }) => resultOf(job)?.recipe);
  const recipes = runs.map(({ job }) => {
    const { dataset, base, goal, trigger, recipe } = job.payload as TrainPayload;
    return { dataset, base, goal, trigger, ...(areWhole ? resultOf(job)?.recipe : recipe) };
  });
  return (
    <div class="stack loose">
      <section aria-labelledby="losses">
        <h2 id="losses">Loss, smoothed</h2>
        <Plot
          label={`Smoothed loss of ${names.join(', ')}`}
          x={losses.x}
          xLabel="step"
          series={series(losses.columns)}
          height={300}
        />
      </section>
      {looks.x.length > 0 && (
        <section aria-labelledby="looks">
          <h2 id="looks">Held-out pictures</h2>
          <Plot
            label={`Loss on held-out pictures of ${names.join(', ')}`}
            x={looks.x}
            xLabel="step"
            series={series(looks.columns)}
            height={220}
          />
        </section>
      )}
      <section aria-labelledby="differences">
        <h2 id="differences">What differs</h2>
        <DifferenceTable runs={runs} names={names} recipes={recipes} />
      </section>
    </div>
  );
}

function DifferenceTable({
  runs,
  names,
  recipes,
}: {
  readonly runs: readonly ComparedRun[];
  readonly names: readonly string[];
  readonly recipes: readonly Readonly<Record<string, unknown>>[];
}) {
  const differences = differencesOf(recipes);
  const results = runs.map(({ rows }) => ({
    steps: rows.steps.at(-1)?.step,
    best: bestLook(rows.validations),
  }));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached with the keyboard
    <section class="table-scroll" tabIndex={0} aria-label="Differences, as a table">
      <table class="differences numbers">
        <thead>
          <tr>
            <th scope="col">Field</th>
            {runs.map(({ job }, i) => (
              <th key={job.id} scope="col">
                <a href={`#${runPath(job.id)}`}>{names[i]}</a>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">steps done</th>
            {results.map(({ steps }, i) => (
              <td key={names[i]}>{steps ?? '–'}</td>
            ))}
          </tr>
          <tr>
            <th scope="row">best held-out loss</th>
            {results.map(({ best }, i) => (
              <td key={names[i]}>{best ? `${best.validation.toPrecision(3)} at ${best.step}` : '–'}</td>
            ))}
          </tr>
          {differences.map(({ field, values }) => (
            <tr key={field}>
              <th scope="row">
                <code>{field}</code>
              </th>
              {values.map((value, i) => (
                <td key={names[i]}>{value ?? '–'}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {differences.length === 0 && <p class="soft">Their recipes and pictures are the same.</p>}
    </section>
  );
}
