/** A run that is over, as far as its metadata goes: three pictures of two folders, on a base that is only named. */
import { type DatasetScan, plainRules, type TrainingItem } from '../../src/dataset/index.ts';
import { plainLora, type TrainedLayer } from '../../src/lora/index.ts';
import type { Checkpoint, Family } from '../../src/models/index.ts';
import type { TrainedRun } from '../../src/training/metadata/lora-metadata.ts';
import { completeRecipe, type GivenRecipe } from '../../src/training/recipe/recipe.ts';
import { plainView } from './training-items.ts';

export const secret = '/somewhere/somebody/private pictures/zorbi';

interface RunOptions {
  readonly folder?: string;
  readonly family?: Family;
  readonly isVelocity?: boolean;
  readonly captions?: readonly [string, string, string];
  readonly layers?: readonly TrainedLayer[];
}

const usualCaptions = ['zork, Red Hat', 'zork, constructor, __proto__', 'zork'] as const;

export function finishedRun(given: GivenRecipe = {}, options: RunOptions = {}): TrainedRun {
  const { folder = secret, family = 'sd15', isVelocity = false, captions = usualCaptions } = options;
  const picture = (name: string, caption: string, repeats: number) => ({
    ...{ path: `${folder}/${name}`, caption, repeats, captionSource: 'txt' as const },
    ...{ width: 512, height: 512, hash: '00', folder, rules: plainRules },
  });
  const scan: DatasetScan = {
    folder,
    pictures: [
      picture('10_zork/a.png', captions[0], 10),
      picture('10_zork/b.png', captions[1], 10),
      picture('c.png', captions[2], 1),
    ],
    ...{ skipped: [], warnings: [], ignored: [] },
  };
  const items = scan.pictures.map(({ path, caption, repeats }, i): TrainingItem => {
    const bucket = { width: i === 2 ? 768 : 512, height: 512 };
    // The last one is a square of which a wide bucket sees two thirds.
    const originalSize = i === 2 ? { width: 512, height: 512 } : bucket;
    const views = [plainView({ shape: [0], data: new Float32Array() })];
    return { path, caption, repeats, bucket, views, originalSize };
  });
  const weights = {
    names: () => ['x.weight'],
    bytes: () => ({ path: '/somewhere/x', offset: 0, length: 2, dtype: 'float16' }),
  };
  const checkpoint = {
    ...{ name: 'my-base', path: '/somewhere/somebody/models/my-base', family, variant: 'text' },
    ...{ unet: { weights }, vae: { weights, files: [] } },
    scheduler: {
      predictionType: isVelocity ? 'v_prediction' : 'epsilon',
      rescaleZeroTerminalSnr: false,
      trainSteps: 1000,
    },
  } as unknown as Checkpoint;
  const recipe = completeRecipe({ steps: 100, rank: 8, batch: 4, accumulate: 2, ...given }, family, 512);
  const state = {
    ...{ step: 50, startedAt: 1_600_000_000, fingerprint: '', losses: [], looks: [], rollbacks: [] },
    ...{ parameters: new Map(), optimizer: { tensors: new Map(), numbers: new Map() }, frozen: new Map() },
  };
  const usual = plainLora([{ target: 'unet.mid_block.attentions.0.proj_in', shape: [8, 8, 1, 1] }], recipe);
  return { checkpoint, recipe, layers: options.layers ?? usual, state, scan, items };
}
