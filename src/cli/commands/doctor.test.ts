import { expect, test } from 'vitest';
import { runHere } from '../../../test/support/command-line.ts';
import { doctorCommand } from './doctor.ts';

test('an ONNX node leads back to operation, layer and source line; an unknown one lists names that exist', async () => {
  const unknown = await runHere(doctorCommand(), '--explain-node', 'n1.1/Nothing');
  expect(unknown.status).toBe(2);
  expect(unknown.stderr).toContain('NODE_UNKNOWN');
  const [name] = /n\d+\.\d+\/\w+(?=, )/.exec(unknown.stderr) as RegExpExecArray;
  const known = await runHere(doctorCommand(), '--json', '--explain-node', name);
  expect(known.status).toBe(0);
  const { node, operation, source, outputs } = JSON.parse(known.stdout);
  expect(node).toBe(name);
  expect(operation).toMatch(/^\w+$/);
  expect(source).toMatch(/src\/\w+\/.*\.ts:\d+:\d+/);
  expect(outputs[0].every(Number.isInteger)).toBe(true);
});
