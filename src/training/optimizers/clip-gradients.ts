/** @file Clipping of gradients by their common norm (Pascanu et al. 2013), as torch's `clip_grad_norm_`. */

/** Scales all gradients so that their common 2-norm is at most `limit`; returns the norm before. */
export function clipGradients(gradients: readonly Float32Array[], limit: number): number {
  let sum = 0;
  for (const gradient of gradients)
    for (let i = 0; i < gradient.length; i++) sum += gradient[i] * gradient[i];
  const norm = Math.sqrt(sum);
  const factor = limit / (norm + 1e-6);
  if (factor < 1)
    for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) gradient[i] *= factor;
  return norm;
}
