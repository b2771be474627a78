/** @file What a scan has to say about a file: a warning (the picture is used) or a skip (it is not). */

export interface DatasetWarning {
  /** Stable, e.g. `CAPTION_EMPTY`. */
  code: string;
  message: string;
  path?: string;
}

/** A file that will not be trained on, and why. */
export interface Skip {
  path: string;
  /** Stable, e.g. `PICTURE_BROKEN`. */
  code: string;
  reason: string;
}

/** Tells a skip from whatever a reader returns otherwise. */
export function isSkip(result: object): result is Skip {
  return 'reason' in result && 'code' in result;
}

/** The first line of what a library or the operating system said. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split('\n', 1)[0];
}

/** The error code of the operating system (`ENOENT`, …), if there is one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
