/** @file Who a request is from: what it brings as token, and where. */
import { isSame, type Token } from './token.ts';

export type Identity =
  /**
   * The right token in a header. Browsers add it by themselves only where somebody typed it as a password, and then say
   * for which page they ask (`Origin`, `Sec-Fetch-Site`): check.ts refuses other pages whatever they bring.
   */
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
  const secret = authorization === undefined ? undefined : secretOf(authorization);
  if (secret !== undefined && isSame(secret, token.text)) return 'header';
  // A proxy may ask for a password of its own, which comes along: then the cookie counts.
  const kept = cookieOf(cookie, cookieName(port));
  if (kept !== undefined && isSame(kept, token.cookie)) return 'cookie';
  return authorization === undefined && kept === undefined ? 'none' : 'wrong';
}
