/**
 * @file Writes a checkpoint as if the base had been trained further: every matrix and kernel of the UNet and the text
 * encoder gets a difference of rank 64 whose singular values fall, a tenth of its norm.
 *
 *     node tools/make-tuned.ts out.safetensors --base model.safetensors --seed 1
 */
import { parseArgs } from 'node:util';
import { openProducts, randomStream, type Tensor } from '../src/engine/index.ts';
import {
  floatTensorBytes,
  openSafetensors,
  readTensor,
  readTensorBytes,
  type StreamedTensor,
  streamSafetensors,
  type WeightDType,
} from '../src/files/index.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { base: { type: 'string', default: '' }, seed: { type: 'string', default: '1' } },
});
const [out] = positionals;
if (!out || !values.base) {
  console.error('usage: make-tuned <out> --base <file> [--seed 1]');
  process.exit(2);
}

const mostRank = 64;
const base = openSafetensors(values.base);
const random = randomStream(Number(values.seed), 'tuned');
const products = openProducts();

const isTrained = ({ name, shape }: StreamedTensor): boolean =>
  shape.length >= 2 &&
  /^(model\.diffusion_model|cond_stage_model)\./.test(name) &&
  !name.includes('embedding');

function normal(rows: number, columns: number, deviation: (column: number) => number): Tensor {
  const make = (_: unknown, i: number): number => deviation(i % columns) * random.normal();
  return { shape: [rows, columns], data: Float32Array.from({ length: rows * columns }, make) };
}

/** W + U·diag(s)·V with s falling as 0.85^i. */
async function tuned({ shape, data }: Tensor): Promise<Tensor> {
  const rows = shape[0];
  const columns = data.length / rows;
  const rank = Math.min(mostRank, rows, columns);
  const size = 0.1 * Math.sqrt(data.reduce((sum, x) => sum + x * x, 0));
  const u = normal(rows, rank, column => (size * 0.85 ** column) / Math.sqrt(rows));
  const v = normal(rank, columns, () => 1 / Math.sqrt(columns));
  const change = await products.multiply(u, v);
  return { shape, data: data.map((x, i) => x + change.data[i]) };
}

async function bytesOf(tensor: StreamedTensor): Promise<Uint8Array> {
  if (!isTrained(tensor)) return readTensorBytes(base, tensor.name);
  return floatTensorBytes(await tuned(readTensor(base, tensor.name)), tensor.dtype as WeightDType);
}

await streamSafetensors(out, [...base.tensors.values()], bytesOf, base.metadata);
await products.release();
