/** @file The LoRA that a run ends with is examined: whether it does anything, leaks without its trigger, or drifts. */

import type { LoraWeights } from '../lora/index.ts';
import { type Examined, examine } from './after/examine.ts';
import type { DrawPicture } from './after/pictures.ts';
import type { OpenRun } from './open-run.ts';
import { openOptimizer } from './optimizers/optimizer.ts';
import { type RunState, writtenParameters } from './run-state.ts';
import { loraOf } from './write-lora.ts';

/** A run of fewer steps is a trial, of which nobody expects much. */
const fewestSteps = 50;

/** Draws with a LoRA or with the base, by what draws pictures later. */
export type OpenDrawing = (lora: LoraWeights) => { readonly draw: DrawPicture; release(): Promise<void> };

/** Examines the best LoRA of a run, or its last where none was held to be best. What fails here is a warning: the file is there. */
export async function examineRun(run: OpenRun, state: RunState): Promise<Examined | undefined> {
  const { plan, checkpoint, items } = run;
  const { recipe, layers, request, prepare } = plan;
  if (request.examine === false || state.step < fewestSteps || items.length === 0) return undefined;
  const hasBest = state.best !== undefined && state.best.step > 0;
  const parameters = hasBest ? state.best?.parameters : undefined;
  const lora = loraOf(
    { layers, recipe },
    parameters ?? writtenParameters(state, openOptimizer(recipe)),
    state.frozen,
  );
  const drawing = request.drawWith?.(lora);
  try {
    return await examine({
      ...{ checkpoint, modules: lora.modules, recipe, items: [...items] },
      ...(request.session ? { session: request.session } : {}),
      ...(drawing ? { drawPicture: drawing.draw } : {}),
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    prepare.onWarning?.({ code: 'NOT_EXAMINED', message: `the LoRA was not examined: ${why}` });
    return undefined;
  } finally {
    await drawing?.release();
  }
}
