/** @file temporary */
import type { LoraDifference } from '../../lora/index.ts';
export async function plotDifference(_facts: LoraDifference, _path: string): Promise<void> {}
