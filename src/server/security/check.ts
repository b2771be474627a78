/** @file Whether a request may go on: one decision from the policy of its route and what it brings. Pure, so that it can be tried in every form. */
import type { Policy } from '../route.ts';
import type { Identity } from './identify.ts';

export interface Asked {
  readonly policy: Policy;
  readonly identity: Identity;
  readonly isHostAllowed: boolean;
  /** `name:port` of all names of the studio, which its own page may have too: a proxy may say another one of them. */
  readonly hosts: ReadonlySet<string>;
  readonly origin: string | undefined;
  /** Sec-Fetch-Site, which browsers of today send. */
  readonly fetchSite: string | undefined;
  readonly contentType: string | undefined;
  readonly hasBody: boolean;
  readonly isForm: boolean;
  readonly isLocal: boolean;
  /** Origins of other pages that may ask, where the user configured some. */
  readonly origins: ReadonlySet<string>;
  /** Too many wrong tokens from this address. */
  readonly isThrottled: boolean;
}

export interface Refusal {
  readonly status: 401 | 403 | 415 | 429;
  readonly code: string;
  readonly detail: string;
  readonly hint?: string;
}

const no = (status: Refusal['status'], code: string, detail: string, hint?: string): Refusal => ({
  ...{ status, code, detail },
  ...(hint === undefined ? {} : { hint }),
});

const changing: ReadonlySet<Policy> = new Set(['sign-in', 'change', 'upload', 'local']);

function isOwnOrigin({ origin, hosts, origins }: Asked): boolean {
  if (origin === undefined) return false;
  return origins.has(origin) || (URL.canParse(origin) && hosts.has(new URL(origin).host));
}

/** From another page of a browser. */
function isForeign(asked: Asked): boolean {
  if (asked.origin !== undefined) return !isOwnOrigin(asked);
  return asked.fetchSite !== undefined && !['same-origin', 'none'].includes(asked.fetchSite);
}

function refuseType({ policy, contentType, hasBody, isForm }: Asked): Refusal | undefined {
  const type = contentType?.split(';', 1)[0].trim().toLowerCase();
  if (type === undefined || type === '') {
    return hasBody ? no(415, 'TYPE_MISSING', 'the body has no Content-Type') : undefined;
  }
  const isRight = isForm
    ? type === 'multipart/form-data'
    : policy === 'upload'
      ? type === 'application/octet-stream' || type === 'application/zip' || type.startsWith('image/')
      : type === 'application/json';
  if (isRight) return undefined;
  const wanted = isForm ? 'multipart/form-data' : policy === 'upload' ? 'a file' : 'application/json';
  return no(415, 'TYPE_WRONG', `Content-Type ${type} is not read here`, `Send ${wanted}.`);
}

/** Undefined where the request may go on. */
export function refusalOf(asked: Asked): Refusal | undefined {
  const { policy, identity, isHostAllowed, isLocal } = asked;
  if (!isHostAllowed) {
    const hint = 'Open it under the address that it printed, or start it with --allow-host NAME.';
    return no(403, 'HOST_NOT_ALLOWED', 'this name is not one of the studio’s', hint);
  }
  if (policy === 'open') return undefined;
  if (isForeign(asked)) {
    const hint =
      'Behind a proxy: start the studio with --allow-host NAME. For another page: --cors-origin ORIGIN.';
    return no(403, 'ORIGIN_NOT_ALLOWED', 'asked by another page', hint);
  }
  if (policy !== 'sign-in') {
    if (asked.isThrottled && identity !== 'header' && identity !== 'cookie')
      return no(429, 'TOO_MANY_FAILURES', 'too many wrong tokens; wait a minute');
    if (identity === 'none' || identity === 'wrong') {
      const hint =
        'Open the address that the studio printed at its start, or send the token as Bearer or as password.';
      return no(401, identity === 'none' ? 'TOKEN_MISSING' : 'TOKEN_WRONG', 'this needs the token', hint);
    }
    // A browser adds cookies by itself: a change must say that it comes from the studio's page.
    if (changing.has(policy) && identity === 'cookie' && !isOwnOrigin(asked))
      return no(403, 'ORIGIN_MISSING', 'a change with a cookie needs an Origin');
  } else if (asked.isThrottled) {
    return no(429, 'TOO_MANY_FAILURES', 'too many wrong tokens; wait a minute');
  }
  if (policy === 'local' && !isLocal) {
    const hint = 'Use the command line there: lora library add FOLDER.';
    return no(403, 'NOT_LOCAL', 'only where the studio listens on its own machine alone', hint);
  }
  return changing.has(policy) ? refuseType(asked) : undefined;
}
