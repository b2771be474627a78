/** @file All modules of a file, read and measured one after the other. */
import { indexOfNotFinite } from '../../engine/index.ts';
import { LoraError } from '../../errors.ts';
import { readTensor } from '../../files/index.ts';
import type { LoraEntry } from '../file/entry.ts';
import type { Skipped } from '../file/group.ts';
import type { LoraFile } from '../file/open.ts';
import { type MeasureOptions, type ModuleFacts, measureModule } from './measure.ts';
import { inModelOrder } from './places.ts';
import { type Sketch, sketchModule } from './sketch.ts';

export interface Survey {
  /** In the order in which the model runs them. */
  readonly modules: readonly ModuleFacts[];
  /** Those that could be read. */
  readonly entries: readonly LoraEntry[];
  readonly skipped: readonly Skipped[];
  /** Tensors that hold NaN or infinity. */
  readonly notFinite: readonly string[];
  /** Modules whose alpha is 0 in the file. */
  readonly zeroAlphas: readonly string[];
  readonly sketch: Sketch;
}

function hasZeroAlpha({ file, keys }: LoraEntry): boolean {
  const key = keys.get('alpha');
  return key !== undefined && readTensor(file, key).data[0] === 0;
}

/** A module that does not fit itself is skipped with the reason. */
export async function surveyModules(
  file: LoraFile,
  options: Omit<MeasureOptions, 'family'>,
): Promise<Survey> {
  const families = file.family?.families ?? [];
  const family = families.length === 1 ? families[0] : undefined;
  const survey = {
    modules: [] as ModuleFacts[],
    entries: [] as LoraEntry[],
    skipped: [...file.skipped],
    notFinite: [] as string[],
    zeroAlphas: [] as string[],
    sketch: new Map<string, Float64Array>(),
  };
  for (const entry of file.modules) {
    try {
      const module = file.read(entry);
      const { facts, change } = await measureModule(module, { ...options, family });
      survey.modules.push(facts);
      survey.sketch.set(module.target, await sketchModule(module, change));
      for (const [role, tensor] of Object.entries(module.tensors))
        if (indexOfNotFinite(tensor.data) >= 0)
          survey.notFinite.push(entry.keys.get(role as keyof typeof module.tensors) ?? role);
      if (hasZeroAlpha(entry)) survey.zeroAlphas.push(entry.name);
      survey.entries.push(entry);
    } catch (error) {
      if (!(error instanceof LoraError)) throw error;
      for (const key of entry.keys.values()) survey.skipped.push({ key, reason: error.message });
    }
  }
  survey.modules.sort((a, b) => inModelOrder(a.target, b.target));
  return survey;
}
