/** @file The HTTP application: fastify, fed with rows. Every request passes the same door (`security/check.ts`) before its handler. */
import { pipeline, Readable, Transform } from 'node:stream';
import multipart from '@fastify/multipart';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { LoraError } from '../errors.ts';
import type { StudioContext } from './context.ts';
import { dialectErrors } from './dialects/errors.ts';
import type { EventHub } from './events.ts';
import { type FormBody, readForm } from './form.ts';
import { withoutPlaces } from './plain-places.ts';
import { parseInput, problem, problemOf, problemType } from './problems.ts';
import { type Policy, Reply, type RouteRow } from './route.ts';
import type { Problem } from './schemas/common.ts';
import { type Refusal, refusalOf } from './security/check.ts';
import { securityHeaders } from './security/headers.ts';
import { type HostRule, isAllowedHost } from './security/hosts.ts';
import { identify } from './security/identify.ts';
import { isDeeperThan } from './security/nesting.ts';
import type { Throttle } from './security/throttle.ts';
import type { Token } from './security/token.ts';

export interface AppOptions {
  readonly context: StudioContext;
  readonly routes: readonly RouteRow[];
  readonly hub: EventHub;
  readonly token: Token;
  /** Known once it listens, where the port was left to the system. */
  readonly address: () => { rule: HostRule; port: number };
  readonly throttle: Throttle;
  readonly origins?: ReadonlySet<string>;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    row?: RouteRow;
  }
}

/** JSON bodies; uploads say their own limit. */
const bodyLimit = 1 << 20;
const uploadLimit = 64 << 20;
/** Nothing that is asked here has so many lists in lists. */
const mostNested = 64;

/** Where events are; see `events.ts`. */
export const eventsPath = '/api/v1/events';

const firstOf = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;

const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** Folders of this machine are nobody's business who asks over a network. */
function toldPlainly(found: Problem, context: StudioContext): Problem {
  const { detail, hint, issues } = found;
  const plain = (text: string): string => withoutPlaces(text, context);
  return {
    ...{ ...found, detail: plain(detail) },
    ...(hint === undefined ? {} : { hint: plain(hint) }),
    ...(issues === undefined
      ? {}
      : { issues: issues.map(({ path, message }) => ({ path, message: plain(message) })) }),
  };
}

function sendProblem(reply: FastifyReply, found: Problem, row: RouteRow | undefined): FastifyReply {
  // Who still sends what is not read is not listened to any longer.
  if (hasBody(reply.request) && !reply.request.raw.complete) reply.header('connection', 'close');
  const dialect = row?.dialect && dialectErrors[row.dialect];
  if (found.status === 401 && row?.dialect) reply.header('www-authenticate', 'Basic realm="LoRA Studio"');
  if (dialect)
    return reply
      .code(dialect.status(found))
      .type('application/json; charset=utf-8')
      .send(dialect.body(found));
  return reply.code(found.status).type(problemType).send(JSON.stringify(found));
}

/** What of the request its policy asks for; a refusal ends it. */
function admit(request: FastifyRequest, options: AppOptions): Refusal | undefined {
  const { headers, ip } = request;
  const { rule, port } = options.address();
  const row = request.routeOptions.config.row;
  const policy: Policy = row?.policy ?? 'open';
  const identity = identify(headers, options.token, port);
  if (identity === 'wrong' && policy !== 'open') options.throttle.count(ip);
  return refusalOf({
    ...{ policy, identity, hosts: rule.allowed, origin: firstOf(headers.origin) },
    isHostAllowed: isAllowedHost(headers.host, rule),
    fetchSite: firstOf(headers['sec-fetch-site']),
    contentType: headers['content-type'],
    hasBody: hasBody(request),
    isForm: row?.isForm ?? false,
    // Through a proxy it may be anybody.
    isLocal: rule.isLocal && headers.forwarded === undefined && headers['x-forwarded-for'] === undefined,
    origins: options.origins ?? new Set(),
    isThrottled: options.throttle.isOver(ip),
  });
}

function allowCors(request: FastifyRequest, reply: FastifyReply, origins: ReadonlySet<string>): void {
  const origin = firstOf(request.headers.origin);
  if (origin === undefined || !origins.has(origin)) return;
  reply.header('access-control-allow-origin', origin);
  reply.header('access-control-allow-headers', 'authorization, content-type, last-event-id');
  reply.header('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE');
  reply.header('vary', 'origin');
  reply.header('cross-origin-resource-policy', 'cross-origin');
}

function sendReply(reply: FastifyReply, { body, type, options }: Reply): FastifyReply {
  const { status = 200, fileName, maxAge, headers = {} } = options;
  reply.code(status).type(type).headers(headers);
  if (fileName !== undefined) {
    const plain = fileName.replace(/[^\x20-\x7e]|["\\]/g, '_');
    reply.header(
      'content-disposition',
      `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(fileName).replace(/['()*]/g, c => `%${c.charCodeAt(0).toString(16)}`)}`,
    );
  }
  if (maxAge !== undefined) reply.header('cache-control', `private, max-age=${maxAge}, immutable`);
  return reply.send(body instanceof Uint8Array && !Buffer.isBuffer(body) ? Buffer.from(body) : body);
}

const parse = (schema: z.ZodType | undefined, value: unknown): unknown =>
  schema && parseInput(schema, value ?? {});

function handlerOf(row: RouteRow, { context }: AppOptions) {
  const { params, query, body, isForm, status = 200 } = row;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const gone = new AbortController();
    reply.raw.on('close', () => {
      if (!reply.raw.writableFinished) gone.abort();
    });
    let given: unknown = request.body;
    let form: FormBody | undefined;
    if (isForm) {
      form = await readForm(request, row.bodyLimit ?? uploadLimit);
      given = form.fields;
    }
    const stream =
      row.policy === 'upload' && given instanceof Readable
        ? limited(given, row.bodyLimit ?? uploadLimit)
        : undefined;
    const result = await row.handle(context, {
      params: parse(params, request.params),
      query: parse(query, request.query),
      body: stream ? undefined : parse(body, given),
      ...{ signal: gone.signal, headers: request.headers, stream, files: form?.files ?? [] },
    });
    if (reply.sent || reply.raw.headersSent) return reply;
    if (result instanceof Reply) return sendReply(reply, result);
    const answer = result === undefined ? {} : result;
    return reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify(answer));
  };
}

/** Uploads come as a stream that fails at the limit of its route. */
function limited(source: Readable, most: number): Readable {
  let seen = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _, done) {
      seen += chunk.length;
      if (seen > most) done(new LoraError('BODY_TOO_LARGE', `more than ${most} bytes are not read here`));
      else done(null, chunk);
    },
  });
  pipeline(source, counter, () => undefined);
  return counter;
}

/** Events go on for as long as the client stays: they are the hub's. */
function serveEvents(app: FastifyInstance, { hub }: AppOptions, row: RouteRow): void {
  app.route({
    ...{ method: 'GET', url: row.path, config: { row }, exposeHeadRoute: false },
    handler(request, reply) {
      const { after } = (parse(row.query, request.query) ?? {}) as { after?: string };
      const last = firstOf(request.headers['last-event-id']) ?? after;
      for (const [name, value] of Object.entries(securityHeaders)) reply.raw.setHeader(name, value);
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) reply.raw.setHeader(name, value);
      reply.hijack();
      if (hub.join(reply.raw, last)) return;
      reply.raw.writeHead(503, { 'content-type': problemType, 'retry-after': '5' });
      reply.raw.end(JSON.stringify(problem(503, 'TOO_MANY_LISTENERS', 'too many listen to events already')));
    },
  });
}

function addParsers(app: FastifyInstance): void {
  const pass = (_: FastifyRequest, payload: Readable, done: (error: null, body: Readable) => void): void =>
    done(null, payload);
  app.addContentTypeParser(['application/octet-stream', 'application/zip'], pass as never);
  app.addContentTypeParser(/^image\//, pass as never);
  const readJson = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    // Some clients send the type without a body.
    if (body === '') done(null, undefined);
    else if (isDeeperThan(body as string, mostNested))
      done(
        new LoraError(
          'JSON_TOO_DEEP',
          `the body has more than ${mostNested} lists or objects in each other`,
          {
            exit: 'usage',
          },
        ),
      );
    else readJson(request, body as string, done);
  });
}

/** Other methods of a known path: 405 says which there are. */
function refuseMethods(app: FastifyInstance, routes: readonly RouteRow[]): void {
  const methodsOf = new Map<string, string[]>();
  for (const { path, method } of routes) methodsOf.set(path, [...(methodsOf.get(path) ?? []), method]);
  const every = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
  for (const [path, there] of methodsOf) {
    const others = every.filter(method => !there.includes(method));
    if (others.length === 0) continue;
    app.route({
      ...{ method: [...others], url: path, exposeHeadRoute: false },
      handler: (request, reply) => {
        reply.header('allow', there.join(', '));
        const detail = `${request.method} is not for ${path}`;
        return sendProblem(
          reply,
          problem(405, 'METHOD_WRONG', detail, { hint: `There is ${there.join(', ')}.` }),
          undefined,
        );
      },
    });
  }
}

/** What is not there is 404 only where the address names it; in a body it is a wrong value. */
function withoutPath(found: Problem | undefined, row: RouteRow | undefined): Problem | undefined {
  const isNamed = !row || row.dialect || row.path.includes(':');
  return found && (found.status === 404 || found.status === 410) && !isNamed
    ? { ...found, status: 422 }
    : found;
}

/** The application; nothing listens yet. */
export async function openApp(options: AppOptions): Promise<FastifyInstance> {
  const { context, routes, origins = new Set<string>() } = options;
  const app = fastify({
    ...{ bodyLimit, logger: false, exposeHeadRoutes: true },
    ...{ requestTimeout: 300_000, keepAliveTimeout: 30_000, forceCloseConnections: true },
    routerOptions: { maxParamLength: 200 },
  });
  app.server.headersTimeout = 20_000;
  await app.register(multipart);
  addParsers(app);

  app.addHook('onRequest', async (request, reply) => {
    const { row } = request.routeOptions.config;
    reply.headers(securityHeaders);
    if (!row || row.path.startsWith('/api/') || row.dialect) reply.header('cache-control', 'no-store');
    allowCors(request, reply, origins);
    // `GET http://elsewhere/` is for proxies, which this is not.
    if (!request.raw.url?.startsWith('/'))
      return sendProblem(reply, problem(400, 'TARGET_WRONG', 'this is no path'), row);
    const refusal = admit(request, options);
    if (refusal)
      return sendProblem(reply, problem(refusal.status, refusal.code, refusal.detail, refusal), row);
    if (request.method === 'OPTIONS') return reply.code(204).send();
    const most = row?.bodyLimit ?? (row?.policy === 'upload' ? uploadLimit : bodyLimit);
    if (row && Number(request.headers['content-length'] ?? 0) > most) {
      const detail = `the body has ${request.headers['content-length']} bytes; up to ${most} are read here`;
      return sendProblem(reply, problem(413, 'BODY_TOO_LARGE', detail), row);
    }
  });
  app.addHook('onResponse', async (request, reply) => {
    const { statusCode, elapsedTime } = reply;
    const facts = {
      method: request.method,
      path: request.url.split('?', 1)[0],
      status: statusCode,
      ms: Math.round(elapsedTime),
    };
    if (statusCode >= 500) context.log.error(facts, 'request failed');
    else if (statusCode >= 400) context.log.warn(facts, 'request refused');
  });
  app.setErrorHandler((error, request, reply) => {
    const { row } = request.routeOptions.config;
    const found = withoutPath(problemOf(error), row);
    if (found?.code === 'TOKEN_WRONG') options.throttle.count(request.ip);
    if (found) return sendProblem(reply, toldPlainly(found, context), row);
    const { stack } = error as Error;
    context.log.error({ path: request.url.split('?', 1)[0], stack }, 'a fault of the studio');
    const hint = 'Its log says more.';
    return sendProblem(reply, problem(500, 'INTERNAL', 'a fault of the studio itself', { hint }), row);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      problem(404, 'ROUTE_UNKNOWN', `there is no ${request.url.split('?', 1)[0].slice(0, 200)}`),
      undefined,
    ),
  );

  for (const row of routes) {
    if (row.path === eventsPath) {
      serveEvents(app, options, row);
      continue;
    }
    const { method, path, bodyLimit: own } = row;
    app.route({
      ...{ method, url: path, config: { row } },
      ...(own === undefined ? {} : { bodyLimit: own }),
      handler: handlerOf(row, options),
    });
  }
  refuseMethods(app, routes);
  if (origins.size > 0) app.options('/*', async (_, reply) => reply.code(204).send());
  return app;
}
