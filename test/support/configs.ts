import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder with this config.json, as a part of a checkpoint has it. */
export function writeConfig(config: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'lora-config-'));
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  return folder;
}
