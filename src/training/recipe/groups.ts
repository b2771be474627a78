/** @file The fields of a recipe in the groups in which people meet them, with a sentence each: for help, explanations and files. */
import type { RecipeField } from './schema.ts';

export interface FieldGroup {
  readonly heading: string;
  readonly fields: Readonly<Partial<Record<RecipeField, string>>>;
}

const trained: FieldGroup = {
  heading: 'What is trained',
  fields: {
    targets:
      'layers of the UNet: attention, attention+ff, linear, conv, block:mid, block:down.1, block:IN04, globs like *.attn2.to_k, /patterns/; several with commas, "a&b" for what is in both, "!a" to leave out; none',
    kind: 'lora (works everywhere), loha (more rank for the same size), lokr (smallest files)',
    rank: 'how much a layer can learn; the file grows with it',
    alpha: 'scale is alpha / rank; default: the rank',
    convRank: 'rank of 3×3 convolutions; default: that of the run',
    convAlpha: 'alpha of 3×3 convolutions; default: the scale of the run',
    textTargets: 'train the text encoder(s) too: attention, attention+mlp, or as the layers of the UNet',
    textRank: 'rank in the text encoder(s); default: that of the run',
    textAlpha: 'alpha in the text encoder(s); default: the scale of the run',
    textLearningRate:
      'learning rate of the text encoder(s), for SDXL also two: 5e-5,1e-5; default: that of the run',
    blockRates:
      'factors of the rate by block, as kohya: 25 (SDXL 23), or down/mid/up such as cosine/1/zeros+0.5',
    blockRanks: 'ranks by block; 0 leaves a block out',
    blockAlphas: 'alphas by block',
    overrides:
      'exceptions for some layers: "block:mid: rank=8, alpha=4, lr=1e-5, kind=lokr"; may be repeated, later ones win',
  },
};

const manner: FieldGroup = {
  heading: 'How its weights are made',
  fields: {
    dora: 'train sizes of weights apart from directions (DoRA): output, or input as OneTrainer',
    rsLora: 'scale is alpha / √rank, steadier at high ranks',
    tucker: '3×3 convolutions as three small ones (Tucker): smaller files',
    factor: 'lokr: size of the small matrix; -1: as square as possible',
    decomposeBoth: 'lokr: the small matrix is a product too',
    fullMatrix: 'lokr: no product at all, rank has no effect',
    init: 'start of lora: kaiming, gaussian, orthogonal, or pissa (from the base; the file has twice the rank)',
    dropout: 'share of values left out in every step, against learning by heart',
    rankDropout: 'share of ranks left out',
    moduleDropout: 'share of layers left out',
    scaleWeightNorms: 'largest norm of a layer’s change; 1 is usual, 0 is off',
    loraPlusRatio: 'B learns this much faster than A (LoRA+); 16 is usual',
    unetLoraPlusRatio: 'the same for the UNet only',
    textLoraPlusRatio: 'the same for the text encoder(s) only',
  },
};

const course: FieldGroup = {
  heading: 'The run',
  fields: {
    steps: 'updates of A and B',
    batch: 'pictures a step',
    accumulate: 'micro-steps whose gradients are added before an update',
    resolution: 'N or WxH; pictures go to buckets of about this area',
    seed: 'the same seed and data give the same file',
    precision: 'of the file: float32, float16 or bfloat16',
    recompute:
      'less memory, more time: make activations again in backward, all or those at the finest resolution',
    baseWeights: 'how the base is held: file, or rounded to save memory: float16 or int8',
  },
};

const optimizer: FieldGroup = {
  heading: 'How it moves',
  fields: {
    learningRate: 'learning rate',
    optimizer:
      'adamw, adamw8bit, lion, adafactor, prodigy, dadapt-adamw, schedulefree-adamw, came or sgd-nesterov',
    optimizerOptions: 'an option of the optimizer, such as beta2=0.99; may be repeated',
    weightDecay: 'how fast A and B shrink by themselves',
    maxGradientNorm: 'longer gradients are cut to this length; 0 = never',
    schedule:
      'how the rate goes: constant, linear, cosine, cosine-restarts, polynomial, rex, warmup-stable-decay, inverse-sqrt',
    warmupSteps: 'steps of rising learning rate',
    decaySteps: 'warmup-stable-decay: the last steps, in which the rate falls; default: a fifth of all',
    scheduleCycles: 'cosine-restarts: how often the rate falls',
    schedulePower: 'polynomial: its power',
    scheduleMinRatio: 'where the schedule ends, as a share of the rate',
    emaDecay: 'keep an average of A and B, of which this share stays in a step; 0 = none, 0.99 is usual',
    emaWarmup: 'the average follows faster at first',
  },
};

const newWord: FieldGroup = {
  heading: 'A new word',
  fields: {
    newWord: 'a word that is taught with the LoRA (pivotal tuning); it goes into the file',
    newWordVectors: 'how many tokens it is read as',
    newWordInit: 'known words that it starts as; default: none',
    newWordLearningRate: 'learning rate of the word; default: that of the text encoder(s), or of the run',
  },
};

const captions: FieldGroup = {
  heading: 'Captions',
  fields: {
    caption: 'for pictures without a caption file',
    fileNameCaptions: 'pictures without a caption take their file name, _ read as a space',
    trigger: 'put in front of captions that lack it',
    captionDropout: 'share of samples without caption',
    captionDropoutEvery: 'every n-th epoch goes without captions; 0 = none',
    captionPrefix: 'put in front of every caption',
    captionSuffix: 'put behind every caption',
    wildcards: '{a|b} draws one of the words, and a caption of several lines one of its lines',
    shuffleTags: 'tags change places in every step',
    keepTags: 'so many tags at the front stay where they are',
    keepTagsSeparator: 'or all tags in front of this text',
    tagSeparator: 'what stands between tags',
    secondarySeparator: 'splits a tag into several that stay together',
    tagDropout: 'share of tags left out of each caption',
    tokenWarmupMin: 'tags of a caption in the first step',
    tokenWarmupSteps: 'steps until all tags are there; 0 = from the first',
  },
};

const pictures: FieldGroup = {
  heading: 'Pictures',
  fields: {
    repeats: 'how often every picture comes in an epoch, whatever folders are called',
    flip: 'mirror pictures half of the time',
    colour: 'slightly other hues or gammas',
    randomCrop: 'where a picture is larger than its bucket, another part of it each time',
    cropJitter: 'crops move by up to this share of a side, and are up to that much smaller',
    variants: 'different forms of a picture that these make; each is encoded once',
    mask: 'where the loss counts: none (everywhere), alpha (of the pictures), files (mask/ or name-mask.png)',
    outsideMask: 'weight of the loss outside the mask',
    regularisation: 'a folder of pictures of the class without the subject; may be repeated',
    regularisationWeight: 'weight of the loss of those pictures',
    priorPreservation:
      'weight of the loss against what the base predicts for the class; needs no pictures of it; 0 = off',
    priorClass: 'words of the class that stand in for the trigger word, such as "dog"',
    bucketStep: 'smallest step between bucket sides, in pixels',
    minBucketSide: 'shortest side of a bucket; default: half the resolution’s longest',
    maxBucketSide: 'longest side of a bucket; default: twice the resolution’s longest',
    noUpscale: 'pictures are never enlarged; buckets follow the pictures',
  },
};

const objective: FieldGroup = {
  heading: 'What a sample asks of the UNet',
  fields: {
    predictionType: 'train towards epsilon or v_prediction; default: what the base predicts',
    zeroTerminalSnr: 'noise schedule that ends in pure noise; default: that of the base',
    minSnrGamma: 'min-SNR weighting; 5 is usual, 0 = off',
    softMinSnrGamma: 'soft min-SNR weighting; 0 = off',
    debiased: 'debiased estimation of the loss',
    scaleVLoss: 'v prediction: the loss as large as one of the noise',
    vLikeLoss: 'epsilon: add this much of a loss as velocity has; 0 = off',
    noiseOffset:
      'noise that is the same in all of a channel, for very dark and bright pictures; 0.05 is usual, 0 = off',
    noiseOffsetRandom: 'a random part of the noise offset instead of all of it',
    adaptiveNoiseScale: 'times the mean of the latent, added to the noise offset',
    multiresIterations: 'levels of pyramid noise; 6 to 10 are usual, 0 = off',
    multiresDiscount: 'how much smaller each level of it is',
    inputPerturbation: 'more noise in the input than in the target; 0.1 is usual, 0 = off',
    inputPerturbationRandom: 'a random part of it',
    loss: 'l2, l1, huber or smooth_l1',
    huberSchedule: 'how Huber’s bound goes with the timestep: constant, exponential or snr',
    huberC: 'Huber’s bound',
    huberScale: 'times Huber’s bound',
    minTimestep: 'no timestep below is drawn',
    maxTimestep: 'no timestep from here on is drawn; default: all',
    timesteps:
      'distribution of timesteps: uniform, sigmoid, logit-normal, heavy-tail, cos-map, inverted-parabola, beta',
    timestepBias: 'shapes the distribution: its place',
    timestepWeight: 'shapes the distribution: its weight',
  },
};

const validation: FieldGroup = {
  heading: 'Validation',
  fields: {
    validationShare: 'share of the pictures that is held out; 0 = none',
    validationFolder: 'a folder of held-out pictures instead',
    validateEvery: 'steps between looks; 0 = once an epoch, but at least ten in a run',
    validationDraws: 'draws of timestep and noise for each picture',
    patience: 'looks without a better one after which the run stops; 0 = never',
    leaveOut: 'for small sets: so many runs, each without other pictures, find the number of steps; 0 = off',
  },
};

const saving: FieldGroup = {
  heading: 'What is saved on the way',
  fields: {
    saveEvery: 'also save every n steps; 0 = only the last',
    saveEveryEpochs: 'also save every n epochs',
    keepSaves: 'keep so many of them, the newest; 0 = all',
    stateEvery: 'steps between run states; 0 = by time only',
    stateEveryMinutes: 'minutes between run states',
    previewPrompts: 'a prompt of a preview picture, in kohya’s syntax; may be repeated',
    previewEvery: 'steps between previews; 0 = none',
    previewEveryEpochs: 'epochs between previews; 0 = none',
  },
};

/** Every field of a recipe, each in one group. */
export const fieldGroups: readonly FieldGroup[] = [
  ...[trained, manner, course, optimizer, newWord, captions, pictures, objective, validation, saving],
];

const texts = new Map(fieldGroups.flatMap(({ fields }) => Object.entries(fields)));

/** What a field means, in a line. */
export function fieldText(field: RecipeField): string {
  return texts.get(field) ?? '';
}
