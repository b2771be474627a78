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

/** Every module with its strength: that of its part of the model, times that of its block. */
export function appliedModules(loras: readonly StrongLora[], family: Family): AppliedModule[] {
  return loras.flatMap(({ lora, strength, textStrength = strength, blocks }) =>
    lora.modules.map(module => {
      const whole = module.target.startsWith('text_encoder') ? textStrength : strength;
      const factor = blocks?.get(blockNameOf(module.target, family) ?? '') ?? 1;
      return { module, strength: whole * factor };
    }),
  );
}
