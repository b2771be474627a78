/**
 * @file Draws one picture up to its latent, for tools/check_latents.py.
 *
 *     node tools/latents.ts <base> <lora.safetensors | -> <out.safetensors> [--size 128] [--steps 3] [--merge]
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { resolveSampler } from '../src/diffusion/index.ts';
import { floatTensorBytes, serializeSafetensors } from '../src/files/index.ts';
import { openGenerator } from '../src/generation/index.ts';
import { loraBase, readLora } from '../src/lora/index.ts';
import { openCheckpoint } from '../src/models/index.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '128' },
    steps: { type: 'string', default: '3' },
    merge: { type: 'boolean', default: false },
  },
});
const [base, file, out] = positionals;
const checkpoint = openCheckpoint(base);
const loras = [];
if (file !== '-') {
  const { lora, report } = readLora(file, loraBase(checkpoint));
  console.log(report.coverage, `${report.applied} used, ${report.skipped.length} skipped`);
  loras.push({ lora, strength: 1 });
}
const generator = openGenerator(checkpoint);
const side = Number(values.size);
const [{ latent }] = await generator.generate({
  pictures: [{ prompt: 'a photo of a cat', negativePrompt: '', seed: 1 }],
  loras,
  merge: values.merge,
  sampler: resolveSampler('DDIM'),
  steps: Number(values.steps),
  guidance: 5,
  width: side,
  height: side,
});
await generator.release();
const { shape, data } = latent;
const bytes = floatTensorBytes(latent, 'float32');
writeFileSync(out, serializeSafetensors([{ name: 'latent', dtype: 'float32', shape, bytes }]));
console.log(`latent [${shape}], norm ${Math.hypot(...data).toFixed(4)}`);
