/** @file OpenAPI 3.1 from the rows of the routes: what the schemas say is what is checked. */
import { z } from 'zod';
import { version } from '../version.ts';
import type { Policy, RouteRow } from './route.ts';
import { problem } from './schemas/common.ts';

const jsonSchema = (schema: z.ZodType, io: 'input' | 'output'): object => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
};

function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query'): object[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = jsonSchema(schema, 'input') as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, shape]) => ({
    ...{ name, in: place, schema: shape },
    required: place === 'path' || required.includes(name),
  }));
}

const who: Readonly<Record<Policy, string>> = {
  open: 'Needs no token.',
  'sign-in': 'Needs no token.',
  read: '',
  change: '',
  upload: 'The body is a file.',
  local: 'Only where the studio listens on its own machine alone.',
};

function operationOf(row: RouteRow): object {
  const { summary, tag, policy, params, query, body, response, status = 200, isForm } = row;
  const content = response
    ? { 'application/json': { schema: jsonSchema(response, 'output') } }
    : { 'application/octet-stream': {} };
  const bodyType = isForm ? 'multipart/form-data' : 'application/json';
  const isOpen = policy === 'open' || policy === 'sign-in';
  return {
    summary,
    ...(who[policy] === '' ? {} : { description: who[policy] }),
    tags: [tag],
    parameters: [...parametersOf(params, 'path'), ...parametersOf(query, 'query')],
    ...(policy === 'upload' && !body
      ? { requestBody: { required: true, content: { 'application/octet-stream': {} } } }
      : {}),
    ...(body
      ? { requestBody: { required: true, content: { [bodyType]: { schema: jsonSchema(body, 'input') } } } }
      : {}),
    responses: {
      [status]: { description: 'done', content },
      default: {
        description: 'a problem',
        content: { 'application/problem+json': { schema: jsonSchema(problem, 'output') } },
      },
    },
    ...(isOpen ? { security: [] } : {}),
  };
}

/** The whole document. */
export function openApiOf(rows: readonly RouteRow[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const row of rows) {
    const path = row.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operationOf(row) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'LoRA Studio',
      version,
      description:
        'Everything that the page of the studio does. Errors are RFC 9457 problems with stable codes.',
    },
    security: [{ bearer: [] }, { basic: [] }, { cookie: [] }],
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: { type: 'http', scheme: 'basic', description: 'The token is the password; the name is free.' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'lora_studio_<port>' },
      },
    },
    paths,
  };
}
