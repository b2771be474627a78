/** @file Pictures as the studio draws them, without drawing them: black, with all settings in them. */
import { encodePicture, infotextOf, type PictureSettings } from '../../src/generation/index.ts';

export { stripes, temporaryFolder } from './pictures.ts';

const plain: PictureSettings = {
  model: { name: 'pocket' },
  ...{ prompt: 'a cat', negativePrompt: '', loras: [], merge: false, seed: 1n, preset: 'lora', noise: 'cpu' },
  ...{ emphasis: 'a1111', clipSkip: 1, sampler: 'Euler a', scheduler: 'Automatic', steps: 20, guidance: 7 },
  ...{ guidanceRescale: 0, width: 64, height: 64 },
};

/** PNG of 64 × 64. */
export async function drawnPicture(said: Partial<PictureSettings>): Promise<Uint8Array> {
  const settings = { ...plain, ...said };
  const { width, height } = settings;
  const data = new Uint8Array(3 * width * height);
  const parameters = infotextOf(settings, {});
  return encodePicture({ width, height, data }, { format: 'png', parameters, settings, mark: false });
}
