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

/** Begins to listen; calling it again changes nothing. */
export function connect(): void {
  if (source) return;
  connection.value = connection.value === 'lost' ? 'lost' : 'connecting';
  source = new EventSource(`${apiBase}/events`);
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
  source?.close();
  source = undefined;
  connection.value = 'off';
}
