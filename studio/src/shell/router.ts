/** @file Where in the studio one is: `#/queue/abc?x=1`. */
import { signal } from '@preact/signals';

export interface Route {
  readonly page: string;
  /** What follows the page's name. */
  readonly rest: readonly string[];
  readonly query: URLSearchParams;
}

function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page = '', ...rest] = path.split('/').map(decode);
  return { page, rest: rest.filter(Boolean), query: new URLSearchParams(query) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const route = signal<Route>(parse(location.hash));
window.addEventListener('hashchange', () => {
  route.value = parse(location.hash);
});

/** Goes to `/queue/abc`. */
export function go(path: string): void {
  location.hash = path;
}
