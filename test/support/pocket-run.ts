/** @file Everything that a training loop on the embedded model needs, of a few pictures of an example. */
import { type DatasetScan, scanFolder, type TrainingItem } from '../../src/dataset/index.ts';
import type { TrainedLayer } from '../../src/lora/index.ts';
import { type Checkpoint, openCheckpoint } from '../../src/models/index.ts';
import { type CaptionTexts, openCaptionTexts } from '../../src/training/captions.ts';
import { planRun } from '../../src/training/plan-run.ts';
import { encodePictures } from '../../src/training/prepare.ts';
import type { GivenRecipe, Recipe } from '../../src/training/recipe/recipe.ts';

export interface PocketRun {
  readonly checkpoint: Checkpoint;
  readonly recipe: Recipe;
  readonly layers: readonly TrainedLayer[];
  readonly scan: DatasetScan;
  readonly items: readonly TrainingItem[];
  readonly texts: CaptionTexts;
  readonly session: object;
  readonly frugal: false;
}

/** The first `count` pictures of a folder, encoded, with every text that is asked for. */
export async function openPocketRun(
  folder: string,
  count: number,
  given: GivenRecipe,
  {
    captionOf = caption => caption,
    texts: more = [],
  }: { captionOf?: (caption: string) => string; texts?: readonly string[] } = {},
): Promise<PocketRun> {
  const checkpoint = openCheckpoint('pretrained/pocket');
  const { recipe, layers } = planRun(checkpoint, given);
  const whole = await scanFolder(folder);
  const pictures = whole.pictures
    .slice(0, count)
    .map(picture => ({ ...picture, caption: captionOf(picture.caption) }));
  const scan = { ...whole, pictures };
  const prepare = { checkpoint, recipe };
  const items = await encodePictures(scan, prepare);
  const texts = await openCaptionTexts([...items.map(({ caption }) => caption), ...more], prepare, layers);
  return { checkpoint, recipe, layers, scan, items, texts, session: {}, frugal: false };
}
