/** @file What came of a run: before and after, what was found of the LoRA, and where to go with it. */
import { useSignal } from '@preact/signals';
import type { ApiTrainingRows, ApiWholeJob } from '../../../../src/server/api-types.ts';
import { AbSlider, bytes, duration, Icon, LinkButton, Segments, Spinner } from '../../parts/index.ts';
import { examinedWords, figuresOf, type RunResult, resultOf } from './run-result.ts';
import { type PreviewStrip, stripsOf } from './run-series.ts';

export function Finished({ job, rows }: { readonly job: ApiWholeJob; readonly rows: ApiTrainingRows }) {
  const result = resultOf(job) ?? {};
  const strips = stripsOf(rows.previews).filter(({ pictures }) => pictures.length > 1);
  return (
    <section class="finished" aria-labelledby="finished-title">
      {strips.length > 0 && <BeforeAfter strips={strips} />}
      <div class="stack finished-text">
        <div>
          <h2 id="finished-title">{job.title} is ready</h2>
          <p class="soft">{summary(result)}</p>
        </div>
        <Onward job={job} />
        <ExaminedNote result={result} />
        <Figures result={result} />
      </div>
    </section>
  );
}

function summary({ steps, seconds, best, stopped }: RunResult): string {
  const time = seconds ? ` in ${duration(seconds)}` : '';
  const early = stopped ? ', and stopped by itself when it got no better' : '';
  const which = best && best.step !== steps ? ` The best was step ${best.step}; both are kept.` : '';
  return `It learnt for ${steps ?? '?'} steps${time}${early}.${which}`;
}

function Onward({ job }: { readonly job: ApiWholeJob }) {
  const loras = job.artefacts.filter(({ type }) => type === 'lora');
  const lora = loras.find(({ name }) => name === 'lora') ?? loras[0];
  if (!lora) return null;
  return (
    <div class="stack tight">
      <div class="row wrap">
        {lora.cardId ? (
          <LinkButton kind="primary" icon="generate" href={`#/generate?lora=${lora.cardId}`}>
            Generate with it
          </LinkButton>
        ) : (
          <span class="soft small row">
            <Spinner label="Putting it into the library" /> Putting it into the library …
          </span>
        )}
        {lora.cardId && (
          <LinkButton
            icon="compare"
            href={`#/compare?${new URLSearchParams({ lora: lora.cardId, axis: 'epochs' })}`}
          >
            Compare epochs
          </LinkButton>
        )}
      </div>
      <p class="small soft">
        {loras.map((file, i) => (
          <span key={file.name}>
            {i > 0 && ' · '}
            <a href={`${file.url}?download=true`} download={file.fileName}>
              {file.fileName}
            </a>{' '}
            {bytes(file.bytes)}
          </span>
        ))}
      </p>
    </div>
  );
}

function ExaminedNote({ result: { examined } }: { readonly result: RunResult }) {
  if (!examined) return null;
  const { title, text, isGood } = examinedWords[examined.verdict];
  return (
    <div class={`examined ${isGood ? 'good' : 'other'}`}>
      <Icon name={isGood ? 'check' : 'info'} size={18} />
      <div class="grow small">
        <b>{title}</b>
        <p>{text}</p>
      </div>
    </div>
  );
}

/** For who wants to know it exactly. */
function Figures({ result }: { readonly result: RunResult }) {
  const figures = figuresOf(result);
  if (figures.length === 0) return null;
  return (
    <details class="small">
      <summary class="soft">Figures</summary>
      {figures.map(text => (
        <p key={text} class="soft">
          {text}
        </p>
      ))}
    </details>
  );
}

function BeforeAfter({ strips }: { readonly strips: readonly PreviewStrip[] }) {
  const at = useSignal(strips[0]?.name ?? '');
  const strip = strips.find(({ name }) => name === at.value) ?? strips[0];
  const first = strip?.pictures[0];
  const last = strip?.pictures.at(-1);
  if (!strip || !first || !last) return null;
  return (
    <div class="before-after">
      <AbSlider
        key={strip.name}
        before={{ url: first.url, label: 'without' }}
        after={{ url: last.url, label: 'with the LoRA' }}
      />
      <p class="small centre-text">“{strip.prompt}”</p>
      {strips.length > 1 && (
        <Segments
          label="Prompt"
          isLabelHidden
          value={strip.name}
          options={strips.map(({ name }, i) => ({ value: name, label: String(i + 1) }))}
          onChange={name => {
            at.value = name;
          }}
        />
      )}
    </div>
  );
}
