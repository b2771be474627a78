/** @file Forms with files (multipart/form-data), read whole within a limit. */
import type { FastifyRequest } from 'fastify';
import { badInput } from '../errors.ts';
import type { FormFile } from './route.ts';

export interface FormBody {
  /** A field that comes several times is a list. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly files: readonly FormFile[];
}

/** What the reader of forms throws at broken ones has no code. Throws FORM_INVALID. */
export async function readForm(request: FastifyRequest, limit: number): Promise<FormBody> {
  try {
    return await readParts(request, limit);
  } catch (cause) {
    if (cause instanceof Error && ('statusCode' in cause || 'code' in cause)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw badInput('FORM_INVALID', `the form cannot be read: ${why}`, 'Send multipart/form-data.', cause);
  }
}

async function readParts(request: FastifyRequest, limit: number): Promise<FormBody> {
  const fields: Record<string, unknown> = Object.create(null);
  const files: FormFile[] = [];
  const parts = request.parts({ limits: { fileSize: limit, files: 16, fields: 64, fieldSize: 1 << 20 } });
  for await (const part of parts) {
    if (part.type === 'file') {
      files.push({
        field: part.fieldname,
        name: part.filename,
        type: part.mimetype,
        bytes: await part.toBuffer(),
      });
      continue;
    }
    const { fieldname, value } = part;
    const before = fields[fieldname];
    fields[fieldname] =
      before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return { fields, files };
}
