/** @file What the form holds: one plain object, kept in this browser. */
import { effect, signal } from '@preact/signals';
import type { GeneratePayload } from '../../../../src/server/api-types.ts';

export interface FormLora {
  readonly id: string;
  readonly name: string;
  readonly strength: number;
  /** On the text encoder, where it differs. */
  readonly textStrength?: number | undefined;
  /** Off: kept in the list, not used. */
  readonly isOn: boolean;
}

export interface StartPicture {
  /** Of the upload. */
  readonly id: string;
  readonly url: string;
  readonly width: number;
  readonly height: number;
}

export interface Form {
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly loras: readonly FormLora[];
  /** Trigger words go into the prompt when a LoRA is added. */
  readonly insertsWords: boolean;
  readonly base: string;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  readonly guidance: number;
  readonly sampler: string;
  /** Empty: automatic. */
  readonly scheduler: string;
  /** Empty: another one each time. */
  readonly seed: string;
  readonly count: number;
  readonly preset: GeneratePayload['preset'];
  /** 0: as the preset has it. */
  readonly clipSkip: number;
  readonly format: GeneratePayload['format'];
  readonly start?: StartPicture | undefined;
  readonly strength: number;
  readonly resize: 'stretch' | 'crop' | 'fill';
  readonly inpaint: {
    readonly isOn: boolean;
    readonly blur: number;
    readonly padding: number;
    readonly area: 'whole' | 'masked';
    readonly content: 'fill' | 'original' | 'latent-noise' | 'latent-nothing';
    readonly invert: boolean;
  };
  readonly hires: {
    readonly isOn: boolean;
    readonly scale: number;
    readonly upscaler: string;
    /** 0: as many as the first pass. */
    readonly steps: number;
    readonly strength: number;
  };
  readonly variation: { readonly isOn: boolean; readonly seed: string; readonly strength: number };
}

export const emptyForm: Form = {
  ...{ prompt: '', negativePrompt: '', loras: [], insertsWords: true },
  ...{ base: '', width: 64, height: 64, steps: 20, guidance: 4.5 },
  ...{ sampler: 'DPM++ 2M', scheduler: '', seed: '', count: 1 },
  ...{ preset: 'lora', clipSkip: 0, format: 'png' },
  ...{ strength: 0.75, resize: 'crop' },
  inpaint: { isOn: false, blur: 4, padding: 32, area: 'whole', content: 'original', invert: false },
  hires: { isOn: false, scale: 2, upscaler: 'latent', steps: 0, strength: 0.7 },
  variation: { isOn: false, seed: '', strength: 0.2 },
};

const key = 'lora-studio:generate';

/** What was kept, as far as it still has the shape of a form. */
export function formFrom(text: string | null): Form {
  try {
    const kept = JSON.parse(text ?? '') as Partial<Form>;
    const known = Object.entries(emptyForm).map(([name, usual]) => {
      const value = (kept as Record<string, unknown>)[name];
      if (typeof value !== typeof usual || Array.isArray(value) !== Array.isArray(usual))
        return [name, usual];
      const isGroup = typeof usual === 'object' && !Array.isArray(usual);
      return [name, isGroup ? { ...usual, ...(value as object) } : value];
    });
    return { ...(Object.fromEntries(known) as Form), ...(kept.start?.id ? { start: kept.start } : {}) };
  } catch {
    return emptyForm;
  }
}

export const form = signal<Form>(formFrom(localStorage.getItem(key)));

let timer: number | undefined;
effect(() => {
  const text = JSON.stringify(form.value);
  window.clearTimeout(timer);
  timer = window.setTimeout(() => localStorage.setItem(key, text), 300);
});
window.addEventListener('pagehide', () => localStorage.setItem(key, JSON.stringify(form.peek())));

export function change(part: Partial<Form>): void {
  form.value = { ...form.peek(), ...part };
}

export function changeLora(id: string, part: Partial<FormLora>): void {
  change({ loras: form.peek().loras.map(lora => (lora.id === id ? { ...lora, ...part } : lora)) });
}
