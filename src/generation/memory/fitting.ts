/** @file Whether pictures fit into memory: refused before the start where they do not, with what would fit. */
import { LoraError } from '../../errors.ts';
import { holdWeights } from '../../models/index.ts';
import { availableMemory } from './available.ts';
import {
  type ForecastModel,
  type ForecastOptions,
  forecastGeneration,
  type GenerationForecast,
  type PictureSizes,
} from './forecast.ts';

export interface GenerationPlan extends PictureSizes, ForecastOptions {
  /** Rows of one picture: 2 with guidance, 1 without, more where prompts are combined. */
  readonly rowsPerPicture: number;
  /** How the UNet's weights are held; as in their files unless said. */
  readonly held?: 'float16' | 'int8';
}

/** A change to what was asked, in the words of the command line, and what it takes. */
export interface FittingChange {
  readonly words: string;
  readonly plan: GenerationPlan;
  readonly peakBytes: number;
}

function forecastOf(checkpoint: ForecastModel, plan: GenerationPlan): GenerationForecast {
  const { held } = plan;
  const { unet } = checkpoint;
  const model = held
    ? { ...checkpoint, unet: { ...unet, weights: holdWeights(unet.weights, held) } }
    : checkpoint;
  return forecastGeneration(model, plan, plan);
}

/** The largest size of the same shape that takes no more than `available`; sides are multiples of 64 pixels. */
function largestSize(
  checkpoint: ForecastModel,
  plan: GenerationPlan,
  available: number,
): FittingChange | undefined {
  const step = 64;
  const steps = Math.floor(Math.min(plan.width, plan.height) / step);
  const sized = (count: number): GenerationPlan => {
    const factor = (count * step) / Math.min(plan.width, plan.height);
    const side = (pixels: number): number => Math.round((pixels * factor) / step) * step;
    return { ...plan, width: side(plan.width), height: side(plan.height) };
  };
  let [fits, tooLarge] = [0, steps + 1];
  while (tooLarge - fits > 1) {
    const middle = Math.floor((fits + tooLarge) / 2);
    if (forecastOf(checkpoint, sized(middle)).peakBytes <= available) fits = middle;
    else tooLarge = middle;
  }
  if (fits === 0) return undefined;
  const chosen = sized(fits);
  const { peakBytes } = forecastOf(checkpoint, chosen);
  return { words: `--size ${chosen.width}x${chosen.height}`, plan: chosen, peakBytes };
}

/**
 * Changes that make a plan fit into `available` bytes, each by itself upon the frugal form of the plan (UNet closed before
 * pictures are decoded, in tiles): fewer pictures at once, the UNet held in fewer bits, a smaller size. Empty when none does.
 */
export function whatFits(
  available: number,
  checkpoint: ForecastModel,
  asked: GenerationPlan,
): readonly FittingChange[] {
  const frugal: GenerationPlan = { ...asked, keepsUnet: false };
  const tiled: GenerationPlan = { ...frugal, wholeUpTo: 0 };
  const { rows, rowsPerPicture, held } = asked;
  const fewer =
    rows > rowsPerPicture ? [{ words: '--batch 1', plan: { ...tiled, rows: rowsPerPicture } }] : [];
  const narrower = (['float16', 'int8'] as const)
    .slice(held === undefined ? 0 : held === 'float16' ? 1 : 2)
    .map(form => ({ words: `--base-weights ${form}`, plan: { ...tiled, rows: rowsPerPicture, held: form } }));
  const changes = [{ words: '--tiled-vae', plan: tiled }, ...fewer, ...narrower];
  const fitting = changes
    .map(change => ({ ...change, peakBytes: forecastOf(checkpoint, change.plan).peakBytes }))
    .filter(({ peakBytes }) => peakBytes <= available);
  const smaller = largestSize(checkpoint, { ...tiled, rows: rowsPerPicture }, available);
  const isSmaller = smaller && (smaller.plan.width < asked.width || smaller.plan.height < asked.height);
  return [...fitting, ...(isSmaller ? [smaller] : [])];
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

export interface FittingPlan {
  /** Whether the UNet can stay open while its pictures are decoded, ready for the next ones. */
  readonly keepsUnet: boolean;
  readonly forecast: GenerationForecast;
}

/**
 * How pictures of this plan are made within `available` bytes: with everything open, or with the UNet closed while they
 * are decoded. Throws MEMORY_SHORT, with what would fit, where neither does.
 */
export function planGeneration(
  checkpoint: ForecastModel,
  asked: GenerationPlan,
  available = availableMemory(),
): FittingPlan {
  const kept = forecastOf(checkpoint, { ...asked, keepsUnet: true });
  if (kept.peakBytes <= available) return { keepsUnet: true, forecast: kept };
  const closed = forecastOf(checkpoint, { ...asked, keepsUnet: false });
  if (closed.peakBytes <= available) return { keepsUnet: false, forecast: closed };
  const fitting = whatFits(available, checkpoint, asked);
  const { width, height, rows, rowsPerPicture } = asked;
  const pictures = rows / rowsPerPicture;
  const what = pictures === 1 ? 'a picture' : `${pictures} pictures at once`;
  const changes = fitting.map(({ words, peakBytes }) => `${words} (${gib(peakBytes)})`).join(', ');
  throw new LoraError(
    'MEMORY_SHORT',
    `${what} of ${width}×${height} ${pictures === 1 ? 'takes' : 'take'} about ${gib(closed.peakBytes)} of memory, ${gib(available)} are available`,
    {
      hint:
        fitting.length > 0
          ? `What fits: ${changes}.`
          : 'Close other programs; no smaller picture fits either.',
    },
  );
}
