/** Folders of this machine are left out, their names are not. */
import { sep } from 'node:path';
import { expect, test } from 'vitest';
import { projectPath } from '../workbench/index.ts';
import type { StudioContext } from './context.ts';
import { withoutPlaces } from './plain-places.ts';

const at = (...parts: string[]): string => sep + parts.join(sep);
const data = { path: at('Users', 'me', 'studio'), cache: at('Users', 'me', 'cache', 'studio') };
const folders = [{ path: at('Users', 'me', 'studio', 'loras') }, { path: at('Volumes', 'big', 'models') }];
const stores = { data, library: { folders: () => folders } } as unknown as StudioContext;

test.each([
  [`${at('Users', 'me', 'studio', 'jobs')} is broken`, 'jobs is broken'],
  [`${at('Volumes', 'big', 'models', 'a.safetensors')} is gone`, 'models/a.safetensors is gone'],
  [`${at('Users', 'me', 'studio', 'loras', 'a b.safetensors')}: no`, 'loras/a b.safetensors: no'],
  [`the disk of ${data.path}; jobs wait`, 'the disk of the data folder; jobs wait'],
  [`'${data.path}', '${at('Volumes', 'big', 'models')}'`, "'the data folder', 'models'"],
  [`${data.path}2 and ${data.path}-old stay`, `${data.path}2 and ${data.path}-old stay`],
  [`${at('Users', 'me', 'cache', 'studio', 'packs', 'a.zip')} is no zip`, `packs${sep}a.zip is no zip`],
  [`${projectPath('pretrained')} is there`, 'pretrained is there'],
  ['1/2 of it', '1/2 of it'],
  ['nothing', 'nothing'],
])('%s', (text, plain) => {
  expect(withoutPlaces(text, stores)).toBe(plain);
});
