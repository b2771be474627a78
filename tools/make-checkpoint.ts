/**
 * @file Writes a checkpoint of the real shapes with weights that are a pure function of their names (those of
 * tools/goldens/hashed_weights.py), for tests and benchmarks of what users bring.
 *
 *     node tools/make-checkpoint.ts out.safetensors --model sdxl --dtype float16
 *     node tools/make-checkpoint.ts folder --model sd2 --variant inpaint
 *     node tools/make-checkpoint.ts big.safetensors --model sdxl --sparse
 *
 * The ending of the name decides the layout: .safetensors is a single file (LDM), anything else a Diffusers folder.
 */
import { parseArgs } from 'node:util';
import { type CheckpointModel, makeCheckpoint, models } from '../test/support/make-checkpoint.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: 'sd15' },
    variant: { type: 'string', default: 'base' },
    dtype: { type: 'string', default: 'float32' },
    prediction: { type: 'string', default: 'epsilon' },
    sparse: { type: 'boolean', default: false },
  },
});
const { model, variant, dtype, prediction, sparse } = values;
const [out] = positionals;
if (!out || !models.includes(model as CheckpointModel)) {
  console.error(
    `usage: make-checkpoint <out> --model ${models.join('|')} [--variant base|inpaint] [--dtype …] [--sparse]`,
  );
  process.exit(2);
}
await makeCheckpoint(out, {
  model: model as CheckpointModel,
  isInpaint: variant === 'inpaint',
  dtype: dtype as 'float32',
  prediction: prediction as 'epsilon',
  isSparse: sparse,
});
