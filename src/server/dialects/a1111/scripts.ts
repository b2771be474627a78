/** @file Scripts and extensions of A1111: none are run here, and a request that needs one is refused by name. */
import { usageError } from '../../../errors.ts';
import type { Asked } from './fields.ts';

/** Clients send some for every picture, switched off: ControlNet without units, ADetailer with `[false]`. */
function asksNothing(script: unknown): boolean {
  if (script === null || typeof script !== 'object') return true;
  const { args = [] } = script as { args?: unknown };
  const list = Array.isArray(args) ? args : Object.values(args as object);
  return list.every(one => one === false || one === null || one === '') || isSwitchedOff(list[0]);
}

const isSwitchedOff = (first: unknown): boolean =>
  first !== null && typeof first === 'object' && (first as { enabled?: unknown }).enabled === false;

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
