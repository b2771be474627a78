/** @file Forms with files (multipart/form-data), read whole within a limit. */
import type { FastifyRequest } from 'fastify';
import type { FormFile } from './route.ts';

export interface FormBody {
  /** A field that comes several times is a list. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly files: readonly FormFile[];
}

export async function readForm(request: FastifyRequest, limit: number): Promise<FormBody> {
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
