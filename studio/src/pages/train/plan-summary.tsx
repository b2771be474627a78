/** @file What will be done and why, before anything starts: a few values with reasons, and what speaks against it. */

import { status } from '../../api/state.ts';
import { bytes, ErrorNote, Finding, Spinner } from '../../parts/index.ts';
import { memoryVerdict, type Plan, summaryOf } from './plan-view.ts';
import type { TrainForm } from './train-form.ts';

export function PlanSummary({ form }: { readonly form: TrainForm }) {
  const { value, error, isAsking } = form.plan.value;
  return (
    <section class="form-part stack tight" aria-labelledby="plan-title">
      <h2 id="plan-title" class="part-title">
        How it will be trained {isAsking && <Spinner label="Working it out" />}
      </h2>
      <ErrorNote error={error} />
      {value && <PlanRows plan={value} isOld={isAsking} ofExample={form.exampleFields.value} />}
      {!value && !error && !isAsking && (
        <p class="soft">Choose pictures, and everything else follows from them.</p>
      )}
      {!value && isAsking && <p class="soft">Counting pictures and working out memory and time …</p>}
      {value && !form.goal.value && (
        <Finding level="note">
          Say what it is to learn, and steps, rank, rate and the rest are chosen for that.
        </Finding>
      )}
      {value && <Warnings plan={value} />}
    </section>
  );
}

function PlanRows({
  plan,
  isOld,
  ofExample,
}: {
  readonly plan: Plan;
  readonly isOld: boolean;
  /** Fields that were chosen for the example, not by the user. */
  readonly ofExample: ReadonlySet<string>;
}) {
  return (
    <dl class={`plan-rows ${isOld ? 'old' : ''}`}>
      {summaryOf(plan).map(({ field, label, value, why, isOwn }) => (
        <div key={field} class="plan-row">
          <dt>{label}</dt>
          <dd class="numbers">{value}</dd>
          <dd class={`why ${isOwn && !ofExample.has(field) ? 'own' : ''}`}>
            {isOwn && ofExample.has(field) ? 'enough for this example to show what it learns' : why}
          </dd>
        </div>
      ))}
    </dl>
  );
}

const memoryTexts = {
  short: (needs: string, free: string) =>
    `It needs about ${needs} of memory and ${free} are free: close other programs, or set a memory limit below "Base model and memory".`,
  tight: (needs: string, free: string) =>
    `It needs about ${needs} of memory; ${free} are free. Close what you do not need.`,
} as const;

function Warnings({ plan }: { readonly plan: Plan }) {
  const available = status.value?.memory.available;
  const verdict = memoryVerdict(plan, available);
  const left = plan.skipped.length;
  return (
    <div class="stack tight">
      {verdict && verdict !== 'fits' && (
        <Finding level="warning">
          {memoryTexts[verdict](bytes(plan.predictedPeakBytes), bytes(available ?? 0))}
        </Finding>
      )}
      {left > 0 && (
        <Finding level="warning">
          {left === 1 ? 'One picture is' : `${left} pictures are`} left out: {plan.skipped[0]?.path}:{' '}
          {plan.skipped[0]?.reason}
        </Finding>
      )}
      {plan.advice.map(({ code, field, message }) => (
        <Finding key={field + message} level="warning">
          {message} <code class="advice-code">{code}</code>
        </Finding>
      ))}
    </div>
  );
}
