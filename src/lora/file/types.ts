/** @file What a load did with the tensors of a file. */

/** Key by key; applied + skipped = all tensors of the file. */
export interface LoadReport {
  readonly path: string;
  readonly applied: number;
  readonly skipped: readonly { readonly key: string; readonly reason: string }[];
  readonly ranks: readonly number[];
  readonly alphas: readonly number[];
  /** e.g. `192/192 UNet` */
  readonly coverage: string;
}
