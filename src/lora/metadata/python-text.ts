/** @file Values as Python's `str()` and `json.dumps` write them, which is what readers of kohya's metadata expect. */

/** A number that Python holds as a float. */
export interface PythonFloat {
  readonly float: number;
}

/** What Python values look like here: numbers are ints, maps and objects dicts, arrays lists. */
export type PythonValue =
  | null
  | boolean
  | number
  | string
  | PythonFloat
  | readonly PythonValue[]
  | ReadonlyMap<string, PythonValue>
  | { readonly [key: string]: PythonValue };

export const float = (x: number): PythonFloat => ({ float: x });
export const floatOrNone = (x: number | null): PythonFloat | null => (x === null ? null : float(x));

const isFloat = (value: object): value is PythonFloat => 'float' in value && typeof value.float === 'number';

/** Python's `repr` of a float: the shortest digits, with an exponent below 1e-4 and from 1e16 on. */
export function pythonFloat(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x < 0 ? '-inf' : 'inf';
  const [digits, exponent] = x.toExponential().split('e');
  const power = Number(exponent);
  if (x !== 0 && (power < -4 || power >= 16)) {
    const sign = power < 0 ? '-' : '+';
    return `${digits}e${sign}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  const plain = Object.is(x, -0) ? '-0' : String(x);
  return Number.isInteger(x) ? `${plain}.0` : plain;
}

/** Text of a plain value as `json.dumps` has it: ASCII only. */
function jsonString(text: string): string {
  const inAscii = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, inAscii);
}

/** `json.dumps(value)`: `, ` and `: ` between, `true` and `null`, ASCII only. */
export function pythonJson(value: PythonValue): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (typeof value === 'string') return jsonString(value);
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (isFloat(value)) return pythonFloat(value.float);
  const entries = value instanceof Map ? [...value] : Object.entries(value as Record<string, PythonValue>);
  return `{${entries.map(([key, item]) => `${jsonString(key)}: ${pythonJson(item)}`).join(', ')}}`;
}

/** `str(value)` of what kohya has as a value: numbers, words, None, and lists of numbers. */
export function pythonText(value: PythonValue): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  return pythonJson(value);
}
