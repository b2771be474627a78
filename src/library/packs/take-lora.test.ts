/** @file A single LoRA that is taken in: under its name, beside another of that name, not twice, and nothing else. */
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { writeLora } from '../../../test/support/small-loras.ts';
import { takeLora } from './take-lora.ts';

function received(seed: number): { room: string; path: string; folder: string } {
  const root = temporaryFolder();
  const [room, folder] = [join(root, 'room'), join(root, 'loras')];
  for (const one of [room, folder]) mkdirSync(one);
  const path = join(room, 'upload.safetensors');
  writeLora(path, { seed });
  return { room, path, folder };
}

test('it takes its name; another of that name gets a number; the same again is not written', async () => {
  const { room, path, folder } = received(1);
  const other = join(room, 'other.safetensors');
  const again = join(room, 'again.safetensors');
  writeLora(other, { seed: 2 });
  copyFileSync(path, again);
  const first = await takeLora(path, 'zork', folder);
  expect(first).toMatchObject({ wasThere: false });
  expect(basename(first.path)).toBe('zork.safetensors');
  expect(basename((await takeLora(other, 'zork', folder)).path)).toBe('zork-2.safetensors');
  expect(await takeLora(again, 'zork', folder)).toMatchObject({ wasThere: true, path: first.path });
  expect(readdirSync(folder).sort()).toEqual(['zork-2.safetensors', 'zork.safetensors']);
});

test('what is no LoRA is refused in its own name, and nothing is left', async () => {
  const { path, folder } = received(1);
  writeFileSync(path, 'not tensors');
  const refused = takeLora(path, 'zork', folder);
  await expect(refused).rejects.toMatchObject({ code: expect.stringMatching(/^FORMAT_|^SAFETENSORS_/) });
  await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining(path) });
  expect(readdirSync(folder)).toEqual([]);
});
