/** @file What to do first, live: findings in order, with the pictures that each is about; then numbers of the set. */
import { Button, ErrorNote, Icon, Progress, Select, TextField } from '../../parts/index.ts';
import type { DatasetView } from './dataset-view.ts';
import { goals } from './goals.ts';
import { type DatasetReport, findingTitle, type ReportFinding, splitFindings } from './report-view.ts';

const anyGoal = { value: '', label: 'not said yet' } as const;

export function ReportPanel({ view }: { readonly view: DatasetView }) {
  const { value, error, isAsking, share } = view.report.value;
  return (
    <div class="stack">
      <div class="columns judged-by">
        <Select
          label="What for"
          value={view.goal.value}
          options={[anyGoal, ...goals.map(({ value: goal, label }) => ({ value: goal, label }))]}
          onChange={goal => view.judgeFor({ goal })}
        />
        <TextField
          label="Trigger word"
          value={view.trigger.value}
          placeholder="zorbi"
          onInput={trigger => view.judgeFor({ trigger })}
        />
      </div>
      {isAsking && <Progress label="Looking at the pictures" share={share} isSlim />}
      <ErrorNote error={error} onRetry={() => view.askReport()} />
      {value && <Findings view={view} report={value} />}
      {!value && isAsking && <p class="soft small">Each picture is measured as it would be trained.</p>}
    </div>
  );
}

function Findings({ view, report }: { readonly view: DatasetView; readonly report: DatasetReport }) {
  const { toDo, notes } = splitFindings(report.findings);
  return (
    <>
      {toDo.length === 0 ? (
        <p class="all-well">
          <Icon name="check" size={18} /> Nothing to do: these pictures can be trained as they are.
        </p>
      ) : (
        <section aria-labelledby="to-do" class="stack tight">
          <h2 id="to-do">What to do first</h2>
          <ol class="findings">
            {toDo.map((finding, i) => (
              <FindingRow key={finding.code} view={view} finding={finding} at={i + 1} />
            ))}
          </ol>
        </section>
      )}
      <Facts report={report} />
      {notes.length > 0 && (
        <details class="notes-of-set">
          <summary>Good to know ({notes.length})</summary>
          <ul class="findings">
            {notes.map(finding => (
              <FindingRow key={finding.code} view={view} finding={finding} />
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function FindingRow({
  view,
  finding,
  at,
}: {
  readonly view: DatasetView;
  readonly finding: ReportFinding;
  readonly at?: number;
}) {
  const { code, severity, text, action, pictures } = finding;
  const filter = view.filter.value;
  const isOn = filter.named !== undefined && filter.finding === code;
  const show = (): void => {
    const { named: _, finding: __, ...rest } = view.filter.peek();
    view.filter.value = isOn ? rest : { ...rest, named: new Set(pictures), finding: code };
  };
  return (
    <li class={`finding-row ${severity}`}>
      {at !== undefined && <span class="finding-at numbers">{at}</span>}
      <div class="grow">
        <p>{text}</p>
        {action && <p class="finding-do">{action}</p>}
        {pictures.length > 0 && (
          <Button kind="quiet" size="small" aria-pressed={isOn} onClick={show} title={findingTitle(code)}>
            {isOn
              ? 'Show all pictures'
              : `Show ${pictures.length === 1 ? 'the picture' : `these ${pictures.length}`}`}
          </Button>
        )}
      </div>
    </li>
  );
}

function Facts({ report }: { readonly report: DatasetReport }) {
  const { used, different, effective, buckets, trigger, backgrounds, skipped } = report;
  const copies = different < used ? `, ${different} of them different` : '';
  return (
    <dl class="set-facts small">
      <dt>Pictures</dt>
      <dd>
        {used} used{copies}
        {skipped.length > 0 && `, ${skipped.length} left out`}
      </dd>
      {effective !== null && used > 1 && (
        <>
          <dt>Varied as</dt>
          <dd>{effective.toFixed(1)} that have nothing in common</dd>
        </>
      )}
      <dt>Trained at</dt>
      <dd>
        {buckets.map(({ width, height, pictures }) => (
          <span key={`${width}x${height}`} class="bucket">
            <span class="bucket-shape" style={{ aspectRatio: `${width} / ${height}` }} /> {width}×{height}{' '}
            <span class="soft">×{pictures}</span>
          </span>
        ))}
      </dd>
      {trigger.word !== undefined && (
        <>
          <dt>Trigger</dt>
          <dd>
            “{trigger.word}” in {trigger.present} of {trigger.of} captions
            {trigger.source === 'guessed' && ', guessed'}
          </dd>
        </>
      )}
      {backgrounds.length > 0 && (
        <>
          <dt>Grounds</dt>
          <dd>
            {backgrounds.slice(0, 6).map(({ name, color, pictures }) => (
              <span key={name} class="ground">
                <svg class="swatch" viewBox="0 0 12 12" aria-hidden="true">
                  <rect width="12" height="12" rx="3" fill={color} />
                </svg>
                {name} <span class="soft">×{pictures}</span>
              </span>
            ))}
          </dd>
        </>
      )}
    </dl>
  );
}
