/** @file Previews as they grow: a strip a prompt, without the LoRA first. */
import { useEffect, useRef } from 'preact/hooks';
import type { ApiTrainingRows } from '../../../../src/server/api-types.ts';
import { Picture } from '../../parts/index.ts';
import { type PreviewStrip, stripsOf } from './run-series.ts';

export function Previews({ rows, isEnded }: { readonly rows: ApiTrainingRows; readonly isEnded: boolean }) {
  const strips = stripsOf(rows.previews);
  if (strips.length === 0)
    return isEnded ? null : (
      <p class="soft small">
        Pictures of how it learns appear here: first without the LoRA, then every few steps.
      </p>
    );
  return (
    <section class="stack" aria-labelledby="previews-title">
      <h2 id="previews-title">On the way</h2>
      {strips.map(strip => (
        <Strip key={strip.name} strip={strip} />
      ))}
    </section>
  );
}

const stepName = (step: number): string => (step === 0 ? 'without' : `step ${step}`);

function Strip({ strip: { prompt, pictures } }: { readonly strip: PreviewStrip }) {
  const list = useRef<HTMLUListElement>(null);
  const last = pictures.at(-1)?.step;
  useEffect(() => {
    list.current?.scrollTo({ left: list.current.scrollWidth, behavior: 'smooth' });
  }, [last]);
  return (
    <figure class="strip">
      <figcaption class="small">{prompt}</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached with the keyboard */}
      <ul ref={list} tabIndex={0} aria-label={`Previews of ${prompt}`}>
        {pictures.map(({ step, url }) => (
          <li key={step}>
            <Picture url={url} alt={`${prompt}, ${stepName(step)}`} width={64} height={64} size="320" />
            <span class="small soft numbers">{stepName(step)}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}
