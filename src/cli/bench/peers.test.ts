/** What the peers are asked for, and what they lack. */
import { existsSync, readFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { cases } from './cases.ts';
import { missingFor, requestFor } from './peers.ts';

afterEach(() => vi.unstubAllEnvs());

test('sd-scripts needs its folder and a Python of its own, and says which is missing', () => {
  vi.stubEnv('LORA_SD_SCRIPTS', '');
  vi.stubEnv('LORA_SD_SCRIPTS_PYTHON', 'python3');
  expect(missingFor('sd-scripts float32')).toBe(
    'sd-scripts float32 is left out: set LORA_SD_SCRIPTS (the folder of sd-scripts)',
  );
  vi.stubEnv('LORA_SD_SCRIPTS', 'sd-scripts');
  expect(missingFor('sd-scripts float32')).toBeUndefined();
  expect(missingFor('PyTorch float32')).toBeUndefined();
});

test('every case asks each of its peers for work that bench/peer.py knows', () => {
  const script = readFileSync('bench/peer.py', 'utf8');
  const modules = new Map([...script.matchAll(/^ {4}"([^"]+)": "([^"]+)",$/gm)].map(([, a, b]) => [a, b]));
  for (const { work, peers } of cases)
    for (const peer of peers) {
      const { work: asked } = requestFor(peer, work, {});
      const module = modules.get(asked as string);
      expect([asked, existsSync(`bench/peers/${module}.py`)]).toEqual([asked, true]);
    }
});

test('a request holds the sizes of the work', () => {
  const guided = cases.find(({ name }) => name.includes('guidance'))!;
  expect(requestFor('PyTorch bfloat16 weights', guided.work, { folder: 'models' })).toEqual({
    ...{ work: 'forward', precision: 'bfloat16 weights', model: 'sd15', folder: 'models' },
    ...{ side: 64, batch: 2, tokens: 77, repeats: 3 },
  });
});
