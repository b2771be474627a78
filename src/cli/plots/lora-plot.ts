/** @file temporary */
import type { LoraFacts } from '../../lora/index.ts';
export async function plotLora(_facts: LoraFacts, _path: string): Promise<void> {}
