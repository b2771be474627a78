/** @file What the demo trains and draws, as data. */
import type { GivenRecipe } from '../../training/index.ts';

export type SetName = 'style' | 'character';

export interface DemoSet {
  readonly name: SetName;
  readonly folder: string;
  readonly file: string;
  readonly recipe: GivenRecipe & { readonly steps: number };
}

const common = {
  batch: 4,
  rank: 16,
  learningRate: 1e-3,
  targets: 'linear',
  captionDropout: 0.05,
  seed: 1,
} as const;

export const sets: readonly DemoSet[] = [
  {
    name: 'style',
    folder: 'examples/blueprint-style',
    file: 'blueprint-style.safetensors',
    recipe: { ...common, steps: 600 },
  },
  {
    name: 'character',
    folder: 'examples/zorbi-character',
    file: 'zorbi-character.safetensors',
    recipe: { ...common, steps: 1000 },
  },
];

export interface DemoRow {
  readonly prompt: string;
  readonly seed: number;
}

/** No blueprint of a snowman was trained on. The base model does not know the words "blueprint" and "zorbi"; the last row shows what must stay as it was. */
export const rows: readonly DemoRow[] = [
  { prompt: 'a blueprint of a rocket', seed: 21 },
  { prompt: 'a blueprint of a snowman', seed: 24 },
  { prompt: 'a zorbi in a meadow', seed: 13 },
  { prompt: 'a zorbi waving at night', seed: 14 },
  { prompt: 'a blueprint of a zorbi', seed: 15 },
  { prompt: 'a red car on the beach', seed: 16 },
];

export interface DemoColumn {
  readonly label: string;
  readonly uses: readonly SetName[];
  /** Of each LoRA: together they would be too much at 1. */
  readonly strength: number;
}

export const columns: readonly DemoColumn[] = [
  { label: 'base', uses: [], strength: 1 },
  { label: '+ style LoRA', uses: ['style'], strength: 1 },
  { label: '+ character', uses: ['character'], strength: 1 },
  { label: '+ both at 0.75', uses: ['style', 'character'], strength: 0.75 },
];

export const drawing = { sampler: 'DDIM', steps: 25, guidance: 4.5 } as const;
