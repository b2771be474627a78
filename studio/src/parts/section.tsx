/** @file A part of a form that can be folded away; says in a few words what it holds while it is closed. */
import type { ComponentChildren } from 'preact';
import { Icon } from './icon.tsx';

export function Section({
  title,
  summary,
  isOpen,
  onToggle,
  children,
}: {
  readonly title: string;
  readonly summary?: string | undefined;
  readonly isOpen?: boolean | undefined;
  readonly onToggle?: ((isOpen: boolean) => void) | undefined;
  readonly children: ComponentChildren;
}) {
  return (
    <details class="section" open={isOpen ?? false} onToggle={event => onToggle?.(event.currentTarget.open)}>
      <summary>
        <Icon name="right" size={16} />
        <span class="section-title">{title}</span>
        {summary && <span class="section-summary">{summary}</span>}
      </summary>
      <div class="section-body">{children}</div>
    </details>
  );
}
