/** @file LoRAs at the strengths that a user gives, as modules at their own. */
import type { Family } from '../../models/index.ts';
import type { AppliedModule } from '../attach/combine.ts';
import type { LoraWeights } from '../kinds/module.ts';
import type { BlockWeights } from '../names/block-weights.ts';
import { blockNameOf } from '../names/blocks.ts';

export interface StrongLora {
  readonly lora: LoraWeights;
  /** On the UNet. */
  readonly strength: number;
  /** On the text encoder(s); as on the UNet unless said. */
  readonly textStrength?: number | undefined;
  /** Factors on the strengths by block (`IN04`, `M00`, `BASE` for text encoders); 1 where none is given. */
  readonly blocks?: BlockWeights | undefined;
}

/** The strength on a target: that of its part of the model, times that of its block. */
export function strengthAt(
  target: string,
  { strength, textStrength = strength, blocks }: Omit<StrongLora, 'lora'>,
  family: Family | undefined,
): number {
  const whole = target.startsWith('text_encoder') ? textStrength : strength;
  const block = blocks && family ? blockNameOf(target, family) : undefined;
  return whole * (blocks?.get(block ?? '') ?? 1);
}

/** Every module with its strength. */
export function appliedModules(loras: readonly StrongLora[], family: Family): AppliedModule[] {
  return loras.flatMap(({ lora, ...strengths }) =>
    lora.modules.map(module => ({ module, strength: strengthAt(module.target, strengths, family) })),
  );
}
