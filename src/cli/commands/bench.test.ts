/** Which cases the options of `lora bench` choose. */
import { expect, test } from 'vitest';
import { cases } from '../bench/cases.ts';
import { benchCommand, chooseCases } from './bench.ts';

const names = (options: Parameters<typeof chooseCases>[0]): string[] =>
  chooseCases(options).map(({ name }) => name);

test('without options what is soon measured, with --all everything', () => {
  const common = names({ all: false });
  expect(common).toContain('pocket training step, batch 4');
  expect(common.some(name => name.includes('SDXL'))).toBe(false);
  expect(names({ all: true })).toEqual(cases.map(({ name }) => name));
});

test('--only chooses by a part of the name, capital or not, from all cases', () => {
  expect(names({ all: false, only: 'sdxl unet' })).toEqual(['SDXL UNet training step, 512²']);
});

test('--only that fits nothing is refused with the names there are', () => {
  expect(() => chooseCases({ all: true, only: 'flux' })).toThrow(
    expect.objectContaining({ code: 'BENCH_UNKNOWN', hint: expect.stringContaining('VAE decode, 512²') }),
  );
});

test('no rounds, an unknown device or an unknown case: refused before anything is measured', async () => {
  const codes = [
    [['--rounds', '0'], 'OPTION_INVALID'],
    [['--rounds', 'two'], 'OPTION_NOT_A_NUMBER'],
    [['--device', 'abacus'], 'DEVICE_UNKNOWN'],
    [['--one', '999'], 'BENCH_UNKNOWN'],
  ] as const;
  for (const [words, code] of codes)
    await expect(benchCommand().parseAsync(words, { from: 'user' })).rejects.toMatchObject({ code });
});
