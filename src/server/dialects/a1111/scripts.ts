/** @file Scripts and extensions of A1111: none are run here, and a request that needs one is refused by name. */
import { usageError } from '../../../errors.ts';
import type { Asked } from './fields.ts';

/** A unit of ControlNet that is off, or nothing. */
const isOff = (one: unknown): boolean =>
  !one || (typeof one === 'object' && (one as { enabled?: unknown }).enabled === false);

/** Clients send some for every picture, switched off: ControlNet without units, ADetailer with `[false, …]`. */
function asksNothing(script: unknown): boolean {
  if (script === null || typeof script !== 'object') return true;
  const { args } = script as { args?: unknown };
  const list: readonly unknown[] = Array.isArray(args) ? args : Object.values(args ?? {});
  return list[0] === false || list.every(isOff);
}

/** Throws SCRIPT_UNSUPPORTED, as A1111 words it where a script is not there. */
export function refuseScripts({ script_name, alwayson_scripts }: Asked): void {
  if (script_name) {
    const hint = 'Scripts of A1111 are not run here; leave script_name out.';
    throw usageError('SCRIPT_UNSUPPORTED', `Script '${script_name}' not found`, hint);
  }
  for (const [name, script] of Object.entries(alwayson_scripts ?? {})) {
    if (asksNothing(script)) continue;
    const hint = 'Extensions of A1111 are not run here; leave alwayson_scripts out.';
    throw usageError('SCRIPT_UNSUPPORTED', `always on script ${name} not found`, hint);
  }
}
