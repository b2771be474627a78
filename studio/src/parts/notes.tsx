/** @file What a page says where there is nothing yet, and where something went wrong. */
import type { ComponentChildren } from 'preact';
import { ApiError, isAbort } from '../api/client.ts';
import { Button } from './button.tsx';
import { Icon, type IconName } from './icon.tsx';

export function EmptyState({
  icon,
  title,
  text,
  children,
}: {
  readonly icon: IconName;
  readonly title: string;
  readonly text?: ComponentChildren;
  /** What can be done about it. */
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={icon} size={26} />
      </span>
      <h2>{title}</h2>
      {text && <p>{text}</p>}
      {children && <div class="row wrap centre">{children}</div>}
    </div>
  );
}

interface Told {
  readonly code?: string | undefined;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly issues?: readonly { readonly path: string; readonly message: string }[] | undefined;
}

/** A sentence, what can be done, and the code, small. Takes an ApiError, an Error, or a job's error. */
export function ErrorNote({
  error,
  onRetry,
}: {
  readonly error: unknown;
  readonly onRetry?: (() => void) | undefined;
}) {
  if (error === undefined || error === null || isAbort(error)) return null;
  const { code, message, hint, issues = [] } = toldBy(error);
  return (
    <div class="error-note" role="alert">
      <Icon name="warning" />
      <div class="grow stack tight">
        <p>{sentence(message)}</p>
        {issues.length > 1 && (
          <ul class="error-issues">
            {issues.map(issue => (
              <li key={issue.path + issue.message}>
                <code>{issue.path}</code> {issue.message}
              </li>
            ))}
          </ul>
        )}
        {hint && <p class="soft">{hint}</p>}
        <div class="row spread">
          {code ? <code class="error-code">{code}</code> : <span />}
          {onRetry && (
            <Button size="small" icon="retry" onClick={onRetry}>
              Try again
            </Button>
          )}
        </div>
      </div>
    </div>
  );
}

function toldBy(error: unknown): Told {
  if (error instanceof ApiError) return error;
  if (typeof error === 'object' && error !== null && 'message' in error) return error as Told;
  return { message: String(error) };
}

/** With a capital letter and a full stop. */
function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

/** A finding that hinders nothing. */
export function Finding({
  level,
  children,
}: {
  readonly level: 'warning' | 'note';
  readonly children: ComponentChildren;
}) {
  return (
    <div class={`finding ${level}`}>
      <Icon name={level === 'warning' ? 'warning' : 'info'} size={18} />
      <div class="grow">{children}</div>
    </div>
  );
}

export function Spinner({ label = 'Loading' }: { readonly label?: string }) {
  return (
    <span class="spinner-line" role="status">
      <span class="spinner" aria-hidden="true" />
      <span class="aside-text">{label}</span>
    </span>
  );
}
