import { expect, test } from 'vitest';
import { runHere } from '../../../test/support/command-line.ts';
import { isOffered } from '../../engine/index.ts';
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

test('a device is tried on a training step; one that is not there is refused with where it exists', async () => {
  const cpu = await runHere(doctorCommand(), '--json', '--device', 'cpu');
  expect(cpu.status).toBe(0);
  const { operations, onCpu, differenceFromCpu } = JSON.parse(cpu.stdout);
  expect(Object.values<number>(onCpu).reduce((a, b) => a + b)).toBe(operations);
  expect(differenceFromCpu).toBe(0);
  const missing = isOffered('coreml') ? 'directml' : 'coreml';
  const refused = await runHere(doctorCommand(), '--device', missing);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain(`DEVICE_UNAVAILABLE: ${missing} cannot be used here`);
  expect(refused.stderr).toMatch(/Windows|macOS/);
  const unknown = await runHere(doctorCommand(), '--device', 'tpu');
  expect(unknown.status).toBe(2);
  expect(unknown.stderr).toContain('DEVICE_UNKNOWN');
});

test('--tune refuses models and sizes that it does not know, before it measures', async () => {
  for (const [code, ...args] of [
    ['OPTION_INVALID', '--tune', 'sd9'],
    ['RESOLUTION_INVALID', '--tune', 'sd15', '--resolution', '500'],
    ['OPTION_NOT_A_SIZE', '--tune', 'sd15', '--resolution', 'large'],
    ['OPTIONS_CLASH', '--tune', 'sd15', '--base', 'some.safetensors'],
  ]) {
    const { status, stderr } = await runHere(doctorCommand(), ...args);
    expect(status, args.join(' ')).toBe(2);
    expect(stderr).toContain(code);
  }
});
