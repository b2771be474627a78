/** @file What a run was made of, in a few figures; the whole recipe on demand. */
import type { ApiTrainingRows, ApiWholeJob, TrainPayload } from '../../../../src/server/api-types.ts';
import { bytes } from '../../parts/index.ts';
import { datasetPath } from '../data/addresses.ts';
import { goalLabel } from '../data/goals.ts';
import { valueText } from './recipe-form.ts';
import { resultOf } from './run-result.ts';

const nameOf = (dataset: string): string => dataset.replace(/^(?:example|folder):/, '');

export function RunFacts({ job, rows }: { readonly job: ApiWholeJob; readonly rows: ApiTrainingRows }) {
  const payload = job.payload as TrainPayload;
  const result = resultOf(job);
  const last = rows.steps.at(-1);
  const recipe = result?.recipe ?? payload.recipe;
  const recent = rows.steps.slice(-50).map(({ seconds }) => seconds);
  const pace = recent.length > 0 ? recent.reduce((a, b) => a + b, 0) / recent.length : undefined;
  const memory = result?.memory ?? last?.memory;
  return (
    <section class="stack tight" aria-labelledby="facts-title">
      <h2 id="facts-title">This run</h2>
      <dl class="run-facts small">
        <dt>Pictures</dt>
        <dd>
          <a href={`#${datasetPath(payload.dataset)}`}>{nameOf(payload.dataset)}</a>
        </dd>
        <dt>For</dt>
        <dd>{goalLabel(payload.goal)}</dd>
        {payload.trigger && (
          <>
            <dt>Trigger word</dt>
            <dd>{payload.trigger}</dd>
          </>
        )}
        {pace !== undefined && (
          <>
            <dt>Pace</dt>
            <dd class="numbers">
              {pace < 1 ? `${(1 / pace).toFixed(1)} steps a second` : `${pace.toPrecision(2)} s a step`}
            </dd>
          </>
        )}
        {memory !== undefined && (
          <>
            <dt>Memory</dt>
            <dd class="numbers">{bytes(memory)}</dd>
          </>
        )}
        {last && (
          <>
            <dt>Loss</dt>
            <dd class="numbers">{last.smoothed.toPrecision(3)}</dd>
          </>
        )}
      </dl>
      <details>
        <summary class="soft small">
          {result?.recipe ? 'The whole recipe' : 'What was said of the recipe'}
        </summary>
        <dl class="run-facts small recipe-list">
          {Object.entries(recipe).map(([field, value]) => (
            <div key={field} class="recipe-row">
              <dt>
                <code>{field}</code>
              </dt>
              <dd class="numbers">{valueText(value)}</dd>
            </div>
          ))}
        </dl>
      </details>
    </section>
  );
}
