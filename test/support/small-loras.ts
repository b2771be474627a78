/** @file LoRAs of a few kilobytes, with numbers of their own. */
import { writeFileSync } from 'node:fs';
import { randomStream } from '../../src/engine/index.ts';
import { floatTensorBytes, serializeSafetensors, type WritableTensor } from '../../src/files/index.ts';

export interface SmallLora {
  readonly seed?: number;
  readonly rank?: number;
  readonly alpha?: number;
  /** Of the text states that it reads: 768 is SD 1.x, 1024 SD 2.x, 2048 SDXL. */
  readonly textWidth?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** kohya's names for two layers of the first block with attention. */
export function smallLora({
  seed = 1,
  rank = 4,
  alpha = 2,
  textWidth = 768,
  metadata = {},
}: SmallLora = {}): Uint8Array {
  const random = randomStream(seed, 'small-lora');
  const tensor = (name: string, shape: number[], values?: Float32Array): WritableTensor => {
    const count = shape.reduce((a, b) => a * b, 1);
    const data = values ?? Float32Array.from({ length: count }, () => random.integer(2000) / 1000 - 1);
    return { name, dtype: 'float32', shape, bytes: floatTensorBytes({ shape, data }, 'float32') };
  };
  const block = textWidth === 2048 ? 'lora_unet_input_blocks_4_1' : 'lora_unet_down_blocks_0_attentions_0';
  const width = textWidth === 2048 ? 640 : 320;
  const tensors = ['to_k', 'to_v'].flatMap(layer => {
    const name = `${block}_transformer_blocks_0_attn2_${layer}`;
    return [
      tensor(`${name}.alpha`, [], Float32Array.of(alpha)),
      tensor(`${name}.lora_down.weight`, [rank, textWidth]),
      tensor(`${name}.lora_up.weight`, [width, rank]),
    ];
  });
  return serializeSafetensors(tensors, metadata);
}

export const writeLora = (path: string, options: SmallLora = {}): void =>
  writeFileSync(path, smallLora(options));
