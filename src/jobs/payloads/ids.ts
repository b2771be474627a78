/** @file How payloads name things: by ids of the library, the data sets and the uploads, never by paths. */
import { z } from 'zod';

/** Of a LoRA or checkpoint in the library: letters and digits of its hash. `pocket` is the embedded model. */
export const cardId = z.string().regex(/^[a-z0-9]{4,64}$/, 'an id of the library');
/** Of a data set: its folder's name within the data folder, `example:<name>`, or `folder:<hash>` for one outside. */
export const datasetId = z
  .string()
  .regex(/^(?:(?:example|folder):)?[\p{L}\p{N}_][\p{L}\p{M}\p{N}_ .-]{0,79}$/u, 'the id of a data set');
/** Of a picture that was uploaded to start from: the first digits of its sha256. */
export const uploadId = z.string().regex(/^[0-9a-f]{32}$/, 'the id of an upload');
