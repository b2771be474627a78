/** @file What computes a run: the device, and kernels that were measured on the machine. */
import { createHash } from 'node:crypto';
import type { SessionOptions } from '../engine/index.ts';
import type { Checkpoint } from '../models/index.ts';
import { isSmall } from './step-graph.ts';

/** `cpu`, or `cpu with tuning 3f2a…` where measured choices differ from the built-in table. Small models use none. */
export function kernelsOf(
  checkpoint: Pick<Checkpoint, 'unet'>,
  { provider = 'cpu', convolutions }: SessionOptions,
): string {
  if (!convolutions || convolutions.size === 0 || isSmall(checkpoint)) return provider;
  const choices = [...convolutions].map(choice => choice.join(': ')).sort();
  const digest = createHash('sha256').update(choices.join('\n')).digest('hex');
  return `${provider} with tuning ${digest.slice(0, 12)}`;
}
