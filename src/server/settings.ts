/** @file The studio's settings: a JSON file that people may edit; what is wrong in it is left at what is usual, and said. */
import { readFileSync } from 'node:fs';
import { writeFileAtomic } from '../files/index.ts';
import { type ApiSettings, settings as schema } from './schemas/system.ts';

export const usualSettings: ApiSettings = {
  ...{ pictureDays: 0, jobDays: 30, logMegabytes: 50, reserveMegabytes: 500 },
  ...{ device: 'cpu', base: 'pocket', format: 'png', previewEvery: 4, mark: true },
};

export interface Settings {
  get(): ApiSettings;
  /** Writes the file. Values were checked. */
  change(edit: Partial<ApiSettings>): Promise<ApiSettings>;
}

/** Each field for itself: a wrong one does not take the others along. */
function readSettings(file: string, note: (text: string) => void): ApiSettings {
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      note(`${file} is not JSON; the usual settings hold`);
    return usualSettings;
  }
  const given = typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : {};
  const read: Record<string, unknown> = { ...usualSettings };
  for (const [name, field] of Object.entries(schema.shape)) {
    if (!Object.hasOwn(given, name)) continue;
    const result = field.safeParse(given[name]);
    if (result.success) read[name] = result.data;
    else note(`${file}: ${name} cannot be ${JSON.stringify(given[name])}; the usual value holds`);
  }
  return read as ApiSettings;
}

export function openSettings(file: string, note: (text: string) => void): Settings {
  let current = readSettings(file, note);
  let last: Promise<unknown> = Promise.resolve();
  return {
    get: () => current,
    change(edit) {
      const turn = last.then(async () => {
        const next = { ...current, ...edit };
        await writeFileAtomic(file, new TextEncoder().encode(`${JSON.stringify(next, null, 2)}\n`));
        current = next;
        return next;
      });
      last = turn.catch(() => undefined);
      return turn;
    },
  };
}
