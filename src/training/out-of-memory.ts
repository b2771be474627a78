/** @file What ONNX Runtime and Node say when memory has run out, as an error that can be acted on. */
import { LoraError } from '../errors.ts';

/** C++'s, that of ONNX Runtime's arena, Node's for buffers and arrays, and the system's. */
const sayings =
  /bad_?alloc|failed to allocate memory|array buffer allocation failed|cannot allocate memory|invalid typed array length|\bENOMEM\b/i;

const hint =
  'Close other programs, or give --memory what is free (--plan tells what fits); --batch, --resolution and --rank make it smaller.';

/** OUT_OF_MEMORY for what is one; any other error as it is. */
export function memoryError(error: unknown): unknown {
  if (error instanceof LoraError || !(error instanceof Error) || !sayings.test(error.message)) return error;
  return new LoraError('OUT_OF_MEMORY', `memory has run out: ${error.message}`, { hint, cause: error });
}
