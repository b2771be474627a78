/**
 * @file The first run of a newcomer: the package's data sets on the embedded model, as long as it takes to look good. Prompts
 * are those of `lora demo`; the last shows what must stay as it was.
 */
import type { ChangedFields } from './recipe-form.ts';

export interface ExampleRun {
  readonly name: string;
  readonly recipe: ChangedFields;
  readonly prompts: readonly string[];
  readonly previewEvery: number;
}

/** As the demo draws: gentle guidance, few steps. */
const prompt = (text: string, seed: number): string => `${text} --d ${seed} --l 4.5 --s 20`;

const unchanged = prompt('a red car on the beach', 16);

const runs: Readonly<Record<string, ExampleRun>> = {
  'example:blueprint-style': {
    name: 'blueprint',
    recipe: { steps: 300 },
    prompts: [prompt('a blueprint of a rocket', 21), prompt('a blueprint of a snowman', 24), unchanged],
    previewEvery: 50,
  },
  'example:zorbi-character': {
    name: 'zorbi',
    recipe: { steps: 500 },
    prompts: [prompt('a zorbi in a meadow', 13), prompt('a zorbi waving at night', 14), unchanged],
    previewEvery: 100,
  },
};

/** What is chosen for an example; undefined for other data sets and other bases. */
export const exampleRun = (dataset: string, base: string): ExampleRun | undefined =>
  base === 'pocket' ? runs[dataset] : undefined;
