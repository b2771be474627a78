import { expect, test } from 'vitest';
import { parsePayload } from '../../../jobs/index.ts';
import { drawingIssues } from './drawing-issues.ts';

const issuesOf = (fields: object, family?: string) =>
  drawingIssues(parsePayload('generate', { prompt: 'a fox', ...fields }), family);
const lora = (fields: object) => ({ loras: [{ id: 'feedface', ...fields }] });

test.each<[object, string, string]>([
  [{ sampler: 'Eular a' }, 'sampler', 'Did you mean Euler a'],
  [{ scheduler: 'Karass' }, 'scheduler', 'Did you mean Karras'],
  [{ sampler: 'DPM++ 2M Karras', scheduler: 'Exponential' }, 'scheduler', 'asks for Karras'],
  [{ hires: { scale: 2, upscaler: 'Lanczoz' } }, 'hires.upscaler', 'meant was perhaps Lanczos'],
  [{ hires: { scale: 2, sampler: 'Nope' } }, 'hires.sampler', 'Nope is not known'],
  [lora({ blocks: 'OUTAL' }), 'loras.0.blocks', 'OUTALL'],
  [lora({ blocks: '1,1,1' }), 'loras.0.blocks', '3 numbers'],
  [lora({ start: 'soon' }), 'loras.0.start', 'start=soon'],
  [lora({ stop: '1.5' }), 'loras.0.stop', 'at most 1.0'],
])('%j: %s', (fields, path, words) => {
  expect(issuesOf(fields, 'SD 1.x')).toEqual([{ path, message: expect.stringContaining(words) }]);
});

test.each<[object]>([
  [{ sampler: 'k_euler_a', scheduler: 'karras' }],
  [{ sampler: 'DPM++ 2M Karras', hires: { scale: 2, upscaler: 'Latent (nearest)', scheduler: 'Karras' } }],
  [{ hires: { toWidth: 640 } }],
  [lora({ blocks: 'OUTALL', start: '2', stop: '0.5' })],
])('%j is understood', fields => {
  expect(issuesOf(fields, 'SDXL')).toEqual([]);
});

test('all are told at once; blocks of a base that nobody knows are left to the job', () => {
  const paths = issuesOf({ sampler: 'x', ...lora({ blocks: 'y', start: 'z' }) }).map(({ path }) => path);
  expect(paths).toEqual(['sampler', 'loras.0.start']);
});
