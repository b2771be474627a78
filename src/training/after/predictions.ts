/** @file What a LoRA changes in what the UNet predicts: the same inputs with it and without it, in one session. */
import { joinChannels } from '../../diffusion/index.ts';
import { randomStream, type SessionOptions, type Tensor } from '../../engine/index.ts';
import { type AppliedModule, attach, attachModules, type LoraModule } from '../../lora/index.ts';
import {
  type Checkpoint,
  type EncodedText,
  openTextConditioner,
  openUnet,
  padText,
  weightsByPart,
} from '../../models/index.ts';

/** One question to the UNet, with the LoRA or without. */
export interface Question {
  readonly noisy: Tensor; // [1, c, h, w]
  readonly timestep: number;
  readonly caption: string;
  readonly withLora: boolean;
  /** For inpainting models: mask and masked latents. */
  readonly masking?: Tensor | undefined;
}

export interface Predictor {
  predict(question: Question): Promise<Tensor>;
  release(): Promise<void>;
  /** Questions answered so far: passes through the UNet. */
  readonly passes: number;
}

type Strength = 0 | 1;

/** Opens UNet and texts of one size; `captions` are all that will be asked for. */
export async function openPredictor(
  checkpoint: Checkpoint,
  modules: readonly LoraModule[],
  captions: readonly string[],
  size: readonly [height: number, width: number],
  session: SessionOptions,
): Promise<Predictor> {
  const parts = weightsByPart(checkpoint);
  const at = (strength: Strength): AppliedModule[] => modules.map(module => ({ module, strength }));
  const [without, whole] = [await attachModules(at(0), parts), await attachModules(at(1), parts)];
  const isOf =
    (part: string) =>
    (name: string): boolean =>
      name.startsWith(`${part}.`);
  const hooksOf = (graph: Parameters<typeof attach>[0], part: string) =>
    attach(
      graph,
      whole.slots.filter(({ target }) => isOf(part)(target)),
      { replaced: new Map([...whole.parameters].filter(([name]) => isOf(part)(name))), batch: 1 },
    ).hooks;
  const texts = await encodeAll(checkpoint, captions, [without.feeds, whole.feeds], hooksOf, session);
  const [height, width] = size;
  const tokens = (texts.get(`0 ${captions[0]}`) as EncodedText).context.shape[1];
  const unetSize = { batch: 1, height, width, tokens };
  const unet = await openUnet(checkpoint, unetSize, graph => hooksOf(graph, 'unet'), session);
  const sides = [height, width].map(side => side * checkpoint.latentScale);
  let passes = 0;
  return {
    get passes() {
      return passes;
    },
    async predict({ noisy, timestep, caption, withLora, masking }) {
      const { context, pooled } = texts.get(`${Number(withLora)} ${caption}`) as EncodedText;
      const sizes = { shape: [1, 6], data: Float32Array.of(...sides, 0, 0, ...sides) };
      const { feeds } = withLora ? whole : without;
      passes++;
      return unet.predict(masking ? joinChannels(noisy, masking) : noisy, timestep, {
        ...feeds,
        context,
        ...(pooled ? { pooled, sizes } : {}),
      });
    },
    release: () => unet.release(),
  };
}

/** States of every caption without (`0 …`) and with the LoRA (`1 …`), all of the same length. */
async function encodeAll(
  checkpoint: Checkpoint,
  captions: readonly string[],
  feeds: readonly Readonly<Record<string, Tensor>>[],
  hooksOf: (graph: Parameters<typeof attach>[0], part: string) => ReturnType<typeof attach>['hooks'],
  session: SessionOptions,
): Promise<Map<string, EncodedText>> {
  const conditioner = await openTextConditioner(checkpoint, session, hooksOf);
  const texts = new Map<string, EncodedText>();
  try {
    for (const caption of new Set(['', ...captions]))
      for (const [strength, others] of feeds.entries())
        texts.set(`${strength} ${caption}`, await conditioner.encode(caption, { mostChunks: 3, others }));
  } finally {
    await conditioner.release();
  }
  const longest = Math.max(...[...texts.values()].map(({ context }) => context.shape[1]));
  for (const [key, text] of texts)
    texts.set(key, padText(text, texts.get(`${key[0]} `) as EncodedText, longest));
  return texts;
}

/** Numbers of N(0, 1) that no sample of a run was mixed with. */
export const freshNoise = (shape: readonly number[], seed: number, sample: number): Tensor => ({
  shape,
  data: randomStream(seed, 'after training', 0, sample).normals(shape.reduce((a, b) => a * b, 1)),
});

/** Σ(a − b)² */
export function squaredDistance(a: Tensor, b: Tensor): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += (a.data[i] - b.data[i]) ** 2;
  return sum;
}

/** Σx² */
export const energy = ({ data }: Tensor): number => data.reduce((sum, x) => sum + x * x, 0);
