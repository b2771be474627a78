/**
 * @file Prints what one update of 10 million parameters costs with each optimizer, in time and memory.
 *
 *     npx node tools/optimizer-times.ts [millions]
 */
import type { Tensor } from '../src/engine/index.ts';
import { openOptimizer } from '../src/training/optimizers/optimizer.ts';
import { optimizerNames } from '../src/training/optimizers/options.ts';

const millions = Number(process.argv[2] ?? 10);
/** As A and B of a layer of width 1280 at rank 16. */
const shape = [16, 1280];
const count = Math.ceil((millions * 1e6) / (shape[0] * shape[1]));

function made(scale: number, salt: number): Float32Array {
  const data = new Float32Array(shape[0] * shape[1]);
  for (let i = 0; i < data.length; i++) data[i] = scale * Math.sin(i * 0.7 + salt);
  return data;
}

for (const optimizer of optimizerNames) {
  const opened = openOptimizer({ optimizer, optimizerOptions: {}, weightDecay: 0.01 });
  const names = Array.from({ length: count }, (_, k) => `p${k}`);
  const parameters = new Map<string, Tensor>(names.map((name, k) => [name, { shape, data: made(0.02, k) }]));
  const gradients = new Map(names.map((name, k) => [name, made(1e-4, k + 0.3)]));
  const state = opened.start(parameters);
  const times: number[] = [];
  for (let step = 1; step <= 7; step++) {
    const started = performance.now();
    opened.update({ parameters, gradients, state, step, rateOf: () => 1e-4 });
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const bytes = opened.stateBytes(shape) / (shape[0] * shape[1]);
  console.log(
    `${optimizer.padEnd(20)} ${times[3].toFixed(0).padStart(5)} ms   ${bytes.toFixed(2)} bytes a parameter`,
  );
}
