/**
 * @file What happens in the studio, as it happens: one EventSource for the page. It comes back by itself, goes on after the
 * last event it saw, and says when it is lost.
 */
import { signal } from '@preact/signals';
import type { EventData, EventName } from '../../../src/server/api-types.ts';
import { apiBase, signedIn } from './client.ts';

/** `lost` only after a moment: a page that reloads or a server that restarts needs no alarm. */
export const connection = signal<'off' | 'connecting' | 'open' | 'lost'>('off');

const names: readonly EventName[] = [
  ...(['reset', 'job', 'job-removed', 'progress', 'preview'] as const),
  ...(['picture', 'library', 'dataset', 'status'] as const),
];
type Listener = (data: never) => void;
const listeners = new Map<EventName, Set<Listener>>();

/** Calls `listener` with each event of a name; returns how to stop. */
export function onEvent<N extends EventName>(name: N, listener: (data: EventData<N>) => void): () => void {
  const set = listeners.get(name) ?? new Set();
  listeners.set(name, set);
  set.add(listener as Listener);
  return () => set.delete(listener as Listener);
}

let source: EventSource | undefined;
let retry: number | undefined;
let alarm: number | undefined;
let wait = 500;
/** Of the last event that was heard: a stream that is opened again goes on after it. */
let last = '';
let sleep: number | undefined;

/** A browser has six connections for a host: pages that nobody looks at give theirs back. */
const hiddenMs = 30_000;
document.addEventListener('visibilitychange', () => {
  window.clearTimeout(sleep);
  if (!document.hidden) {
    if (connection.value !== 'off' && !source) connect();
    return;
  }
  sleep = window.setTimeout(() => {
    window.clearTimeout(alarm);
    alarm = undefined;
    source?.close();
    source = undefined;
  }, hiddenMs);
});

/** Begins to listen; calling it again changes nothing. */
export function connect(): void {
  if (source) return;
  connection.value = connection.value === 'lost' ? 'lost' : 'connecting';
  source = new EventSource(`${apiBase}/events${last === '' ? '' : `?after=${encodeURIComponent(last)}`}`);
  source.onopen = opened;
  source.onerror = failed;
  for (const name of names) source.addEventListener(name, event => deliver(name, event));
}

function opened(): void {
  window.clearTimeout(alarm);
  alarm = undefined;
  wait = 500;
  connection.value = 'open';
}

function failed(): void {
  alarm ??= window.setTimeout(() => {
    connection.value = 'lost';
  }, 1500);
  if (source?.readyState !== EventSource.CLOSED) return;
  // The browser has given up (an answer other than 200): try again ourselves, ever slower.
  source = undefined;
  window.clearTimeout(retry);
  if (signedIn.value === 'out') return;
  retry = window.setTimeout(connect, wait);
  wait = Math.min(wait * 2, 15_000);
}

function deliver(name: EventName, event: MessageEvent<string>): void {
  last = event.lastEventId;
  let data: never;
  try {
    data = JSON.parse(event.data) as never;
  } catch {
    return;
  }
  for (const listener of listeners.get(name) ?? []) listener(data);
}

/** Tries at once, where the page knows that waiting is over. */
export function reconnectNow(): void {
  window.clearTimeout(retry);
  wait = 500;
  if (source?.readyState === EventSource.CLOSED) source = undefined;
  connect();
}

export function disconnect(): void {
  window.clearTimeout(retry);
  window.clearTimeout(alarm);
  window.clearTimeout(sleep);
  source?.close();
  source = undefined;
  last = '';
  connection.value = 'off';
}
