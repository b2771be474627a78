/** @file What a grid can vary: a row each, with how its values are given. Names are those of `lora compare`. */

export type AxisEditor = 'epochs' | 'loras' | 'range' | 'choices' | 'text';

export interface AxisKind {
  /** As the axis is written. */
  readonly name: string;
  readonly label: string;
  readonly editor: AxisEditor;
  /** How values are counted: numbers may be ranges. */
  readonly values: 'numbers' | 'whole' | 'words';
  readonly hint: string;
  readonly placeholder?: string;
  /** Of ranges. */
  readonly range?: {
    readonly from: number;
    readonly to: number;
    readonly count: number;
    readonly step: number;
  };
  /** It is about a LoRA: with several in the picture it says which. */
  readonly isOfLora?: boolean;
  /** Where its choices come from. */
  readonly choices?: 'samplers' | 'schedulers' | 'presets';
}

const text = (
  name: string,
  label: string,
  hint: string,
  placeholder: string,
  more: Partial<AxisKind> = {},
): AxisKind => ({ name, label, editor: 'text', values: 'words', hint, placeholder, ...more });

export const axisKinds: readonly AxisKind[] = [
  {
    ...{ name: 'epoch', label: 'Epochs of a LoRA', editor: 'epochs', values: 'words', isOfLora: true },
    hint: 'What its training saved on the way, in order.',
  },
  {
    ...{ name: 'strength', label: 'Strength', editor: 'range', values: 'numbers', isOfLora: true },
    hint: 'How strongly the LoRA acts.',
    range: { from: 0.4, to: 1, count: 4, step: 0.1 },
  },
  {
    ...{ name: 'lora', label: 'LoRAs', editor: 'loras', values: 'words', isOfLora: true },
    hint: 'One LoRA after the other, and none.',
  },
  text('seed', 'Seed', 'Numbers, or a range: 1-4.', '1-4', { values: 'whole' }),
  text(
    'S/R',
    'Words in the prompt',
    'What is searched for, then what it is replaced with.',
    'red, blue, green',
  ),
  {
    ...{ name: 'sampler', label: 'Sampler', editor: 'choices', values: 'words', choices: 'samplers' },
    hint: 'How noise is taken away.',
  },
  {
    ...{ name: 'scheduler', label: 'Scheduler', editor: 'choices', values: 'words', choices: 'schedulers' },
    hint: 'Which noise levels the steps have.',
  },
  text('steps', 'Steps', 'Numbers, or a range: 10-30 (+10).', '10, 20, 30', { values: 'whole' }),
  {
    ...{ name: 'guidance', label: 'Guidance', editor: 'range', values: 'numbers' },
    hint: 'How closely the prompt is followed.',
    range: { from: 3, to: 9, count: 4, step: 0.5 },
  },
  text(
    'prompt',
    'Whole prompt',
    'Prompts with commas stand in quotes.',
    '"a cat, sleeping", "a dog, running"',
  ),
  text('negative', 'Negative prompt', 'Those with commas stand in quotes; "" is none.', '"", "blurry, dark"'),
  text('blocks', 'Blocks of the LoRA', 'Presets, or factors in quotes; all.', 'all, INALL, MIDD, OUTALL', {
    isOfLora: true,
  }),
  text(
    'lora steps',
    'Steps with the LoRA',
    'Ranges: 0.2-0.8 of all steps, 5-, -10, all.',
    'all, 0-0.5, 0.5-1',
    {
      isOfLora: true,
    },
  ),
  {
    ...{ name: 'text strength', label: 'Strength on the text', editor: 'range', values: 'numbers' },
    ...{ isOfLora: true, hint: 'On the text encoder alone.', range: { from: 0, to: 1, count: 3, step: 0.1 } },
  },
  text('size', 'Size', 'Sides in pixels.', '512, 640x512'),
  text('clip skip', 'Clip skip', 'Layers of the text encoder that are left out.', '1, 2', {
    values: 'whole',
  }),
  text('variation strength', 'Variation strength', 'From 0 to 1.', '0-1 [5]', { values: 'numbers' }),
  text('variation seed', 'Variation seed', 'Numbers.', '1-4', { values: 'whole' }),
  text(
    'denoising',
    'How much is drawn anew',
    'From 0 to 1, where there is a picture to start from.',
    '0.3-0.9 [4]',
    {
      values: 'numbers',
    },
  ),
  {
    ...{ name: 'preset', label: 'Whose rules', editor: 'choices', values: 'words', choices: 'presets' },
    hint: 'As the same settings look in other programs.',
  },
  text('prompt order', 'Order of phrases', 'Phrases of the prompt, put into every order.', 'red, shiny'),
];

export const kindOf = (name: string): AxisKind => axisKinds.find(kind => kind.name === name) ?? axisKinds[1]!;
