/** @file What a file is, by its tensors: a LoRA, a checkpoint, or neither. Headers only. */
import { LoraError } from '../../errors.ts';
import type { SafetensorsFile } from '../../files/index.ts';
import { checkpointFacts } from '../../models/index.ts';
import { openLoraFile } from '../file/open.ts';
import { dialectName, kindName } from '../file/report.ts';

export interface FileKind {
  readonly is: 'lora' | 'checkpoint' | 'other';
  /** In words: `LoRA for SD 1.x, kohya names, 264 modules`. */
  readonly text: string;
}

function loraText(path: string): string | undefined {
  const file = openLoraFile(path, { tolerant: true });
  if (file.modules.length === 0) return undefined;
  const kinds = [...new Set(file.modules.map(kindName))].join(', ');
  const count = file.modules.length;
  const family = file.family?.name ?? 'an unknown model';
  return `${kinds} for ${family}, ${dialectName(file)} names, ${count} ${count === 1 ? 'module' : 'modules'}`;
}

function checkpointText(path: string): string | undefined {
  try {
    const { model, layout, variant, prediction } = checkpointFacts(path);
    const special = [
      ...(variant === 'base' ? [] : [variant]),
      ...(prediction.type === 'epsilon' ? [] : ['v-prediction']),
    ];
    return [`checkpoint of ${model}`, ...special, layout].join(', ');
  } catch (error) {
    if (error instanceof LoraError) return undefined;
    throw error;
  }
}

export function identify({ path, tensors }: SafetensorsFile): FileKind {
  const lora = loraText(path);
  if (lora !== undefined) return { is: 'lora', text: lora };
  const checkpoint = checkpointText(path);
  if (checkpoint !== undefined) return { is: 'checkpoint', text: checkpoint };
  return { is: 'other', text: `${tensors.size} tensors, no LoRA and no checkpoint that is known here` };
}
