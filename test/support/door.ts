/** @file The studio's door on a real port, with rows and a hub of a test's own. */
import type { AddressInfo } from 'node:net';
import { openApp } from '../../src/server/app.ts';
import type { StudioContext } from '../../src/server/context.ts';
import { type EventHub, type HubOptions, openEventHub } from '../../src/server/events.ts';
import type { RouteRow } from '../../src/server/route.ts';
import { hostRule } from '../../src/server/security/hosts.ts';
import { openThrottle } from '../../src/server/security/throttle.ts';
import { openToken } from '../../src/server/security/token.ts';
import { temporaryFolder } from './pictures.ts';

export interface Door {
  readonly port: number;
  readonly token: string;
  readonly hub: EventHub;
  readonly errors: readonly object[];
  close(): Promise<void>;
}

export async function openDoor(
  routes: readonly RouteRow[],
  options: { readonly hub?: HubOptions; readonly origins?: readonly string[] } = {},
): Promise<Door> {
  const token = await openToken(`${temporaryFolder()}/token`);
  const hub = openEventHub(options.hub);
  const errors: object[] = [];
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (facts: object) => void errors.push(facts),
  };
  let port = 0;
  const app = await openApp({
    ...{ context: { log } as unknown as StudioContext, routes, hub, token, throttle: openThrottle(1000) },
    origins: new Set(options.origins ?? []),
    address: () => ({ rule: hostRule('127.0.0.1', port), port }),
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = app.server.address() as AddressInfo);
  return {
    ...{ port, token: token.text, hub, errors },
    async close() {
      hub.close();
      await app.close();
    },
  };
}
