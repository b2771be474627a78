/** @file Settings of pictures that use every field, for the text that is written into pictures. */
import type { InfotextFacts } from '../../src/generation/metadata/infotext-of.ts';
import { type PictureSettings, pictureSettingsSchema } from '../../src/generation/settings/schema.ts';

export interface PictureCase {
  readonly name: string;
  readonly settings: PictureSettings;
  readonly facts: InfotextFacts;
  readonly mark: boolean;
}

const plain = {
  model: { name: 'v1-5-pruned-emaonly', path: '/mnt/someone/models/v1-5-pruned-emaonly.safetensors' },
  ...{ prompt: 'a cat', negativePrompt: '', loras: [], merge: false, seed: 1, preset: 'lora', noise: 'cpu' },
  ...{ emphasis: 'a1111', clipSkip: 1, sampler: 'Euler a', scheduler: 'Automatic', steps: 20, guidance: 7 },
  ...{ guidanceRescale: 0, width: 64, height: 64 },
} as const;

const alice = {
  ...{
    name: 'alice',
    path: 'C:\\Users\\someone\\loras\\alice.safetensors',
    hash: '0123456789ab'.padEnd(64, '0'),
  },
  ...{ strength: 0.8, textStrength: 0.5, blocks: 'INALL', start: '5', stop: '0.75' },
};
const bob = {
  name: 'b:o,b',
  path: 'loras/bob.safetensors',
  hash: 'ba9876543210'.padEnd(64, '1'),
  strength: 1,
};
const file = (path: string) => ({ path, sha256: 'c0ffee'.padEnd(64, '2') });

type Given = Readonly<Record<string, unknown>>;
const pictureCase = (name: string, given: Given, facts: InfotextFacts = {}, mark = true): PictureCase => ({
  ...{ name, facts, mark, settings: pictureSettingsSchema.parse({ ...plain, ...given }) },
});

export const pictureCases: readonly PictureCase[] = [
  pictureCase('plain', {}),
  pictureCase('unmarked', { seed: 4294967295n }, {}, false),
  pictureCase(
    'words',
    {
      prompt: 'a (cat:1.2), [dog]\nsecond line: "quoted", <lora:carol:0.5>',
      negativePrompt: 'lowres, bad: anatomy',
      ...{ sampler: 'DPM++ 2M', scheduler: 'Karras', guidance: 7.5, seed: 18446744073709551615n },
      ...{ clipSkip: 2, noise: 'philox', emphasis: 'a1111-nonorm', preset: 'a1111', guidanceRescale: 0.7 },
      loras: [alice, bob],
    },
    {
      modelHash: '6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa',
      loras: [
        { name: 'carol', hash: 'aaaabbbbcccc'.padEnd(64, '3') },
        { name: 'alice', hash: alice.hash },
        { name: 'b:o,b', hash: bob.hash },
      ],
      embeddings: [{ name: 'easynegative', hash: 'c74b4e810b03'.padEnd(64, '4') }],
    },
  ),
  pictureCase('unicode', { prompt: '日本語 café 😀', negativePrompt: 'плохо', model: { name: 'модель' } }),
  pictureCase('hires', {
    variation: { seed: 5n, strength: 0.25 },
    noiseSize: { width: 32, height: 48 },
    hires: {
      ...{ width: 128, height: 128, upscaler: 'latent-bicubic-antialiased', steps: 10, strength: 0.55 },
      ...{
        sampler: 'DDIM',
        scheduler: 'Uniform',
        guidance: 5,
        prompt: 'a larger cat',
        negativePrompt: 'x, y',
      },
    },
  }),
  pictureCase('hires by size', {
    hires: { width: 100, height: 136, upscaler: 'lanczos', steps: 20, strength: 0.3 },
  }),
  pictureCase(
    'inpaint',
    {
      sampler: 'Euler',
      samplerOptions: { eta: 0.5, noise: 1.01, churn: 3, churnFrom: 0.1, churnTo: 20 },
      init: { picture: file('/mnt/someone/photo.png'), strength: 0.75, resize: 'crop' },
      inpaint: {
        ...{ mask: file('/mnt/someone/mask.png'), blur: 4, invert: true },
        ...{ content: 'latent-noise', area: 'masked', padding: 32 },
      },
    },
    { isInpaintModel: true },
  ),
];

/** A gradient with noise in it, so that compression cannot make it a trifle. */
export function testPixels(width: number, height: number) {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) data[i] = (i * 7 + ((i * i) >> 5)) & 255;
  return { width, height, data };
}
