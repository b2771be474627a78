/**
 * @file Checks a finished LoRA: is it finite, does it change anything, does it change things without its trigger word,
 * and how far has the class gone from the base. 16 passes through the UNet, pictures apart.
 */
import type { TrainingItem } from '../../dataset/index.ts';
import type { SessionOptions, Tensor } from '../../engine/index.ts';
import { baseWeights, type LoraModule, measureModule } from '../../lora/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import { addNoise, openObjective } from '../objective/objective.ts';
import { classCaption } from '../prior.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { type DrawPicture, measurePictures, type PictureFacts } from './pictures.ts';
import { energy, freshNoise, openPredictor, type Predictor, squaredDistance } from './predictions.ts';
import { thresholds } from './thresholds.ts';

export interface ExamineRequest {
  readonly checkpoint: Checkpoint;
  readonly modules: readonly LoraModule[];
  readonly recipe: Recipe;
  /** Some pictures that were trained on, encoded, with their captions. */
  readonly items: readonly TrainingItem[];
  readonly session?: SessionOptions;
  /** What the subject is one of, e.g. `a cat`, to compare with; `priorClass` of the recipe unless given. */
  readonly classWords?: string;
  /** Eight pictures more are drawn and compared where this is given. */
  readonly drawPicture?: DrawPicture;
}

export type Verdict = 'healthy' | 'inert' | 'leaking' | 'drifting' | 'refused';

export interface AfterFinding {
  readonly level: 'refused' | 'warning' | 'note';
  readonly code: 'NOT_FINITE' | 'INERT' | 'LEAKS' | 'DRIFTS' | 'NO_TRIGGER' | 'NO_CLASS';
  readonly text: string;
}

export interface BlockChange {
  readonly block: string;
  readonly norm: number;
  /** ‖ΔW‖/‖W‖ of the layers that are changed. */
  readonly ratio: number;
}

export interface AfterFacts {
  readonly blocks: readonly BlockChange[];
  /** Relative change of predictions with the trigger: ‖Δ‖/‖base‖. */
  readonly change: number;
  /** Mean squared change without the trigger over that with it, on latents that were not trained on; undefined where there is no trigger word. */
  readonly leak: number | undefined;
  /** The same on a training latent. It is near 1 for healthy LoRAs too, because the picture in the noise gives itself away. */
  readonly leakOnTraining: number | undefined;
  /** Share of the prediction's energy that changed for the class on other latents. */
  readonly drift: number;
  readonly passes: number;
  readonly pictures?: PictureFacts;
}

export interface Examined {
  readonly verdict: Verdict;
  readonly findings: readonly AfterFinding[];
  /** Undefined for what is refused: nothing is measured with it. */
  readonly facts: AfterFacts | undefined;
}

/** The first tensor with NaN or infinity. */
function firstBroken(modules: readonly LoraModule[]): string | undefined {
  for (const { target, tensors } of modules)
    for (const [role, tensor] of Object.entries(tensors))
      if (!tensor.data.every(Number.isFinite)) return `${target}.${role}`;
  return undefined;
}

/** ‖ΔW‖ of each block beside ‖W‖ of the layers that it changes. */
async function blockChanges(modules: readonly LoraModule[], checkpoint: Checkpoint): Promise<BlockChange[]> {
  const { family } = checkpoint;
  const base = baseWeights(checkpoint);
  const blocks = new Map<string, { change: number; weight: number }>();
  for (const module of modules) {
    const { facts } = await measureModule(module, { family, base });
    const weight = base(module.target)?.read() ?? new Float32Array();
    const { block, norm = 0 } = facts;
    const sums = blocks.get(block) ?? { change: 0, weight: 0 };
    const whole = weight.reduce((sum, x) => sum + x * x, 0);
    blocks.set(block, { change: sums.change + norm ** 2, weight: sums.weight + whole });
  }
  return [...blocks].map(([block, { change, weight }]) => ({
    ...{ block, norm: Math.sqrt(change), ratio: Math.sqrt(change / weight) },
  }));
}

/** Passes a question twice, without and with the LoRA. */
async function bothWays(
  predictor: Predictor,
  question: Omit<Parameters<Predictor['predict']>[0], 'withLora'>,
): Promise<{ base: Tensor; change: number }> {
  const base = await predictor.predict({ ...question, withLora: false });
  const changed = await predictor.predict({ ...question, withLora: true });
  return { base, change: squaredDistance(changed, base) };
}

/** The clean latent that a prediction means. */
function cleanLatent(noisy: Tensor, prediction: Tensor, alphaBar: number, isVelocity: boolean): Tensor {
  const [a, s] = [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)];
  const one = (x: number, y: number): number => (isVelocity ? a * x - s * y : (x - s * y) / a);
  return { shape: noisy.shape, data: noisy.data.map((x, i) => one(x, prediction.data[i])) };
}

/** Where in the schedule latents with something in them are looked at: late, where the caption decides much. */
const place = 0.85;

/** Of these starts, all of noise, what the base makes of the last is looked at too. */
const starts = [0, 1] as const;

interface Sums {
  change: number;
  energy: number;
}

const add = (sums: Sums, { base, change }: { base: Tensor; change: number }): void => {
  sums.change += change;
  sums.energy += energy(base);
};

async function measure(request: ExamineRequest): Promise<Omit<AfterFacts, 'blocks' | 'pictures'>> {
  const { checkpoint, modules, recipe, items, session = {} } = request;
  const { schedule, predictionType } = openObjective(checkpoint, recipe);
  const { caption, views } = items[0];
  const { latents, maskings } = views[0];
  const masking = maskings?.[0];
  const bare = captionWithout(caption, recipe);
  const [, , height, width] = latents.shape;
  const predictor = await openPredictor(checkpoint, modules, [caption, bare], [height, width], session);
  const last = schedule.alphasCumprod.length - 1;
  const middle = Math.round(place * last);
  const mix = (latent: Tensor, sample: number): Tensor => {
    const noise = freshNoise(latent.shape, recipe.seed, sample).data;
    const { noisy } = addNoise(latent.data, noise, schedule.alphasCumprod[middle], predictionType);
    return { shape: latent.shape, data: noisy };
  };
  const onTraining = { own: { change: 0, energy: 0 }, bare: { change: 0, energy: 0 } };
  const onOthers = { own: { change: 0, energy: 0 }, bare: { change: 0, energy: 0 } };
  /** Asks with the caption and without its trigger, each with the LoRA and without; what the base says to the latter. */
  const ask = async (noisy: Tensor, timestep: number, sums: typeof onOthers): Promise<Tensor> => {
    add(sums.own, await bothWays(predictor, { noisy, timestep, caption, masking }));
    const ofClass = await bothWays(predictor, { noisy, timestep, caption: bare, masking });
    add(sums.bare, ofClass);
    return ofClass.base;
  };
  try {
    await ask(mix(latents, 10), middle, onTraining);
    let made = latents;
    for (const start of starts) {
      const noise = freshNoise(latents.shape, recipe.seed, start);
      const base = await ask(noise, last, onOthers);
      made = cleanLatent(noise, base, schedule.alphasCumprod[last], predictionType === 'v_prediction');
    }
    await ask(mix(made, 11), middle, onOthers);
  } finally {
    await predictor.release();
  }
  const ratio = (bareSum: Sums, own: Sums): number | undefined =>
    bare === caption || own.change === 0 ? undefined : bareSum.change / own.change;
  const all = {
    change: onTraining.own.change + onOthers.own.change,
    energy: onTraining.own.energy + onOthers.own.energy,
  };
  return {
    change: Math.sqrt(all.change / all.energy),
    leak: ratio(onOthers.bare, onOthers.own),
    leakOnTraining: ratio(onTraining.bare, onTraining.own),
    drift: onOthers.bare.change / onOthers.bare.energy,
    passes: predictor.passes,
  };
}

/** A caption as if there were no trigger: with the class in its place, or with nothing where no class is known. */
function captionWithout(caption: string, recipe: Recipe): string {
  if (recipe.priorClass !== null) return classCaption(caption, recipe);
  const bare = classCaption(caption, { ...recipe, priorClass: ' ' });
  return bare.replace(/\s+/g, ' ').trim();
}

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.01 ? 2 : 0)} %`;

function findingsOf({ change, leak, drift, pictures }: AfterFacts, hasClass: boolean): AfterFinding[] {
  const found: AfterFinding[] = [];
  const warn = (code: AfterFinding['code'], text: string): number =>
    found.push({ level: 'warning', code, text });
  const isInvisible = pictures ? pictures.withTrigger < thresholds.pictureChange : false;
  if (change < thresholds.inert || isInvisible) {
    const seen = pictures ? `; pictures change by ${pictures.withTrigger.toFixed(2)} of 255 levels` : '';
    warn(
      'INERT',
      `inert: it changes what the base predicts by ${percent(change)}, which rounding does too${seen}. Train longer or at a higher rate`,
    );
    return found;
  }
  const note = (code: AfterFinding['code'], text: string): number =>
    found.push({ level: 'note', code, text });
  if (leak === undefined) note('NO_TRIGGER', 'its captions have no trigger word: it acts on every prompt');
  else if (!hasClass)
    note(
      'NO_CLASS',
      'whether it leaks is told only against words of the class: set priorClass, e.g. "a cat"',
    );
  else if (leak > thresholds.leak)
    warn(
      'LEAKS',
      `leaks: for the class without its trigger it changes ${percent(leak)} as much as with it, more than ${percent(thresholds.leak)}. Captions that describe what should stay free, or prior preservation, keep it apart`,
    );
  const most = hasClass ? thresholds.drift : thresholds.driftWithoutClass;
  const what = hasClass ? 'the class' : 'prompts without its trigger';
  if (drift > most)
    warn(
      'DRIFTS',
      `drifts: ${percent(drift)} of what the base predicts for ${what} changed, more than ${percent(most)}. Train fewer steps, at a lower rate, or with prior preservation`,
    );
  return found;
}

function verdictOf(findings: readonly AfterFinding[]): Verdict {
  const has = (code: AfterFinding['code']): boolean => findings.some(finding => finding.code === code);
  if (has('NOT_FINITE')) return 'refused';
  if (has('INERT')) return 'inert';
  if (has('DRIFTS')) return 'drifting';
  return has('LEAKS') ? 'leaking' : 'healthy';
}

/** Examines a LoRA that was trained with `recipe` on `items`. Nothing is measured with one that is not finite. */
export async function examine(given: ExamineRequest): Promise<Examined> {
  const priorClass = given.classWords ?? given.recipe.priorClass;
  const request = { ...given, recipe: { ...given.recipe, priorClass } };
  const { checkpoint, modules, recipe, items, drawPicture } = request;
  const broken = firstBroken(modules);
  if (broken !== undefined) {
    const text = `${broken} holds NaN or infinity: the LoRA is broken and must not be used`;
    return {
      verdict: 'refused',
      findings: [{ level: 'refused', code: 'NOT_FINITE', text }],
      facts: undefined,
    };
  }
  const { caption } = items[0];
  const measured = await measure(request);
  const prompts = [caption, captionWithout(caption, recipe)] as const;
  const pictures = drawPicture && (await measurePictures(drawPicture, prompts));
  const blocks = await blockChanges(modules, checkpoint);
  const facts = { blocks, ...measured, ...(pictures ? { pictures } : {}) };
  const findings = findingsOf(facts, priorClass !== null);
  return { verdict: verdictOf(findings), findings, facts };
}
