/** @file AdamW and clipping live in `optimizers/`; this keeps their former place. */

export {
  type AdamWOptions,
  adamWDefaults,
  adamWUpdate,
  type Moments,
  newMoments,
} from './optimizers/adamw.ts';
export { clipGradients } from './optimizers/clip-gradients.ts';
