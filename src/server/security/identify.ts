/** @file Who a request is from: what it brings as token, and where. */
import { isSame, type Token } from './token.ts';

export type Identity =
  /** The right token in a header, which no browser adds by itself for another page (Basic it may: see origin.ts). */
  'header' | 'cookie' | 'wrong' | 'none';

/** Cookies are shared by all ports of a host, so the port is in the name. */
export const cookieName = (port: number): string => `lora_studio_${port}`;

function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}

/** The secret of an Authorization header: `Bearer token`, or `Basic` with the token as password. */
function secretOf(header: string): string | undefined {
  const [scheme, value = ''] = header.trim().split(/\s+/, 2);
  if (/^bearer$/i.test(scheme)) return value;
  if (!/^basic$/i.test(scheme)) return undefined;
  const text = Buffer.from(value, 'base64').toString('utf8');
  return text.slice(text.indexOf(':') + 1);
}

export interface Credentials {
  readonly authorization?: string | undefined;
  readonly cookie?: string | undefined;
}

export function identify({ authorization, cookie }: Credentials, token: Token, port: number): Identity {
  if (authorization !== undefined) {
    const secret = secretOf(authorization);
    return secret !== undefined && isSame(secret, token.text) ? 'header' : 'wrong';
  }
  const kept = cookieOf(cookie, cookieName(port));
  if (kept === undefined) return 'none';
  return isSame(kept, token.cookie) ? 'cookie' : 'wrong';
}
