/** @file Pictures in JSON: base64, with or without `data:image/png;base64,` before it. Addresses are not fetched. */
import { badInput } from '../../errors.ts';
import type { StudioContext } from '../context.ts';
import { saveUpload } from './needs.ts';

const alphabet = /^[A-Za-z0-9+/_-]*={0,2}$/;

export function bytesOfBase64(text: string): Buffer {
  if (/^https?:/i.test(text.slice(0, 8))) {
    const hint = 'Send the picture itself, as base64.';
    throw badInput('ADDRESS_NOT_FETCHED', 'addresses of pictures are not fetched', hint);
  }
  const body = text.replace(/^data:[\w/+.;=-]{0,80}?base64,/, '').replace(/\s+/g, '');
  if (body === '' || !alphabet.test(body)) throw badInput('PICTURE_NOT_BASE64', 'the picture is not base64');
  return Buffer.from(body, 'base64');
}

/** The id of the upload that it becomes. */
export async function uploadBase64(context: StudioContext, text: string): Promise<string> {
  return (await saveUpload(context, bytesOfBase64(text))).id;
}
