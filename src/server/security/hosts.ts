/** @file Under which names the studio may be asked: against DNS rebinding, where a foreign name leads to this machine. */
import { hostname, networkInterfaces } from 'node:os';

const loopbackNames = ['127.0.0.1', 'localhost', '[::1]'];

export const isLoopback = (host: string): boolean =>
  /^127(?:\.\d{1,3}){3}$/.test(host) || host === 'localhost' || host === '::1' || host === '[::1]';

/** As addresses of pages have it: `[::1]`. */
export const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap(list => list ?? []);
  return [hostname(), ...all.map(({ address }) => bracketed(address.replace(/%.*$/, '')))];
}

export interface HostRule {
  /** `name:port` in lower case. */
  readonly allowed: ReadonlySet<string>;
  readonly isLocal: boolean;
}

/** The values of the Host header that are answered. `extra` names need no port where a proxy has the usual one. */
export function hostRule(host: string, port: number, extra: readonly string[] = []): HostRule {
  const isLocal = isLoopback(host);
  const isAny = host === '0.0.0.0' || host === '::';
  const names = [...loopbackNames, ...(isLocal ? [] : isAny ? ownAddresses() : [bracketed(host)])];
  const allowed = new Set(names.map(name => `${name}:${port}`.toLowerCase()));
  for (const name of names) if (port === 80) allowed.add(name.toLowerCase());
  for (const name of extra) {
    allowed.add(name.toLowerCase());
    if (!/:\d+$/.test(name)) allowed.add(`${name}:${port}`.toLowerCase());
  }
  return { allowed, isLocal: isLocal && extra.length === 0 };
}

export const isAllowedHost = (header: string | undefined, { allowed }: HostRule): boolean =>
  header !== undefined && allowed.has(header.toLowerCase());
