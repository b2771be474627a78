/**
 * @file Writes a LoRA for a checkpoint with random numbers: all linear layers of the UNet's transformers and of the
 * text encoders, as kohya's default. The singular values of ΔW fall, so that there is something to cut off.
 *
 *     node tools/make-lora.ts out.safetensors --base model.safetensors --rank 16 --seed 1
 */
import { parseArgs } from 'node:util';
import { randomStream, type Tensor } from '../src/engine/index.ts';
import { type LoraModule, writeLora } from '../src/lora/index.ts';
import { listLayers, openCheckpoint } from '../src/models/index.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    base: { type: 'string', default: '' },
    rank: { type: 'string', default: '16' },
    seed: { type: 'string', default: '1' },
  },
});
const [out] = positionals;
const rank = Number(values.rank);
if (!out || !values.base) {
  console.error('usage: make-lora <out> --base <checkpoint> [--rank 16] [--seed 1]');
  process.exit(2);
}

const random = randomStream(Number(values.seed), 'lora');
function normal(shape: number[], deviation: (i: number) => number): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from({ length: count }, (_, i) => deviation(i) * random.normal()) };
}

const { family, unet, textEncoder, textEncoder2 } = openCheckpoint(values.base);
const layers = [
  ...listLayers(unet.weights, 'unet').filter(({ target }) => /\.attentions\./.test(target)),
  ...listLayers(textEncoder.weights, 'text_encoder'),
  ...(textEncoder2 ? listLayers(textEncoder2.weights, 'text_encoder_2') : []),
].filter(({ target }) => target.startsWith('unet.') || /self_attn|mlp/.test(target));

const modules = layers.map(({ target, shape: [rows, ...inside] }): LoraModule => {
  const fan = inside.reduce((a, b) => a * b, 1);
  const down = normal([rank, ...inside], () => 1 / Math.sqrt(fan));
  const up = normal([rows, rank, ...inside.slice(1).map(() => 1)], i => 0.02 * 0.8 ** (i % rank));
  return { target, kind: 'lora', rank, alpha: rank, tensors: { down, up } };
});
const metadata = {
  ss_network_module: 'networks.lora',
  ss_network_dim: String(rank),
  ss_network_alpha: `${rank}.0`,
};
const blocks = family === 'sdxl' ? 'ldm' : 'diffusers';
await writeLora(out, { modules, metadata }, { dtype: 'float32', blocks });
