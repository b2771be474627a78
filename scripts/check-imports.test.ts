import { expect, test } from 'vitest';
import { findPageViolations, findViolations, readRooms } from './check-imports.ts';

const rooms = readRooms('| room | x |\n| `src/engine/` | a |\n| `src/files/` | b |\n| `src/cli/` | c |\n');
const check = (path: string, text: string): string[] => findViolations(rooms, [{ path, text }]);

test('rooms are read in the order of the table', () => {
  expect(rooms).toEqual(['src/engine/', 'src/files/', 'src/cli/']);
});

test.each([
  ['inside a room', 'src/files/png.ts', "import { a } from './crc.ts';"],
  ['through the door of a room above', 'src/files/png.ts', "import { a } from '../engine/index.ts';"],
  ['a library', 'src/files/png.ts', "import sharp from 'sharp';"],
  [
    'the runtime imports onnxruntime',
    'src/engine/runtime/session.ts',
    "import * as o from 'onnxruntime-node';",
  ],
  ['an import in a comment', 'src/engine/a.ts', "// import { a } from '../cli/index.ts';"],
])('allowed: %s', (_, path, text) => {
  expect(check(path, text)).toEqual([]);
});

test.each([
  ['a room below', 'src/engine/a.ts', "import { a } from '../cli/index.ts';", 'a room below'],
  ['past the door', 'src/cli/a.ts', "export { a } from '../files/png.ts';", 'past the door'],
  ['a lazy import', 'src/engine/a.ts', "await import('../files/index.ts');", 'a room below'],
  [
    'onnxruntime elsewhere',
    'src/cli/a.ts',
    "import * as o from 'onnxruntime-node';",
    'only src/engine/runtime',
  ],
  ['no room', 'src/stray/a.ts', '', 'in no room'],
])('refused: %s', (_, path, text, why) => {
  expect(check(path, text)).toEqual([expect.stringContaining(why)]);
});

test('the page imports types of the API, and nothing else from outside', () => {
  const page = (text: string): string[] => findPageViolations([{ path: 'studio/src/api/client.ts', text }]);
  expect(page("import type { ApiJob } from '../../../src/server/api-types.ts';")).toEqual([]);
  expect(page("import { signal } from '@preact/signals';\nimport { a } from '../parts/index.ts';")).toEqual(
    [],
  );
  expect(page("import { ApiJob } from '../../../src/server/api-types.ts';")).toHaveLength(1);
  expect(page("import type { Job } from '../../../src/jobs/index.ts';")).toHaveLength(1);
});
