/** @file How often an address may be wrong. */

export interface Throttle {
  isOver(address: string): boolean;
  count(address: string): void;
}

/** `most` failures a minute; addresses are forgotten when their minute is over. */
export function openThrottle(most = 10, now: () => number = Date.now): Throttle {
  const failures = new Map<string, { count: number; until: number }>();
  const current = (address: string): { count: number; until: number } | undefined => {
    const found = failures.get(address);
    if (found && found.until > now()) return found;
    failures.delete(address);
    return undefined;
  };
  return {
    isOver: address => (current(address)?.count ?? 0) >= most,
    count(address) {
      const found = current(address);
      if (found) found.count++;
      else failures.set(address, { count: 1, until: now() + 60_000 });
      if (failures.size > 10_000) for (const key of failures.keys()) current(key);
    },
  };
}
