/** @file The top of a page: its only h1, a sentence, and what can be done. */
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

export function PageHead({
  title,
  text,
  children,
}: {
  readonly title: string;
  readonly text?: ComponentChildren;
  /** Actions, at the end. */
  readonly children?: ComponentChildren;
}) {
  useEffect(() => {
    document.title = `${title} · LoRA Studio`;
  }, [title]);
  return (
    <header class="page-head">
      <div>
        <h1>{title}</h1>
        {text && <p>{text}</p>}
      </div>
      {children && <div class="row wrap">{children}</div>}
    </header>
  );
}
