/** One temporary folder for everything that tests write, deleted when they end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default function setup(): () => void {
  const space = mkdtempSync(join(tmpdir(), 'lora-tests-'));
  // What os.tmpdir() looks at, on POSIX and on Windows.
  for (const name of ['TMPDIR', 'TEMP', 'TMP']) process.env[name] = space;
  // What older code derived must not hide what the code of today would.
  process.env.XDG_CACHE_HOME = join(space, 'cache');
  return () => rmSync(space, { recursive: true, force: true, maxRetries: 3 });
}
