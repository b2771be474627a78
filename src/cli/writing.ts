/** @file What commands that write weight files have in common: types of weights, and progress in bytes. */
import type { FloatDType, WeightDType } from '../files/index.ts';
import { showSeconds } from '../workbench/index.ts';
import { choiceOption } from './numbers.ts';
import type { Terminal } from './terminal.ts';

/** Shows how much of the bytes is done, and the time that is left. */
export function byteProgress(terminal: Terminal, what: string): (done: number, all: number) => void {
  const started = performance.now();
  return (done, all) => {
    const seconds = (performance.now() - started) / 1000;
    const left = seconds > 1 ? `, ${showSeconds((seconds * (all - done)) / done)} left` : '';
    terminal.progress(`${what}  ${Math.floor((100 * done) / Math.max(all, 1))} %${left}`);
  };
}

/** Types of LoRAs, by all names that they have. */
export const floatTypes: Readonly<Record<string, FloatDType>> = {
  fp32: 'float32',
  float32: 'float32',
  fp16: 'float16',
  float16: 'float16',
  bf16: 'bfloat16',
  bfloat16: 'bfloat16',
};

const weightTypes: Readonly<Record<string, WeightDType>> = {
  ...floatTypes,
  fp8: 'float8_e4m3',
  fp8_e4m3: 'float8_e4m3',
  float8_e4m3: 'float8_e4m3',
  fp8_e5m2: 'float8_e5m2',
  float8_e5m2: 'float8_e5m2',
};

export const weightTypeNames = 'fp32, fp16, bf16, fp8_e4m3 or fp8_e5m2';

/** Parses the type of an option. */
export const weightType = (option: string): ((text: string) => WeightDType) =>
  choiceOption(option, weightTypes, weightTypeNames);
