/** The description of the server for programs, OpenAPI 3.1, made from the schemas of its answers. */
import { z } from 'zod';
import { classifySchema, errorSchema, healthSchema, modelsSchema, urlRequestSchema } from './answer-schema.js';

/** The document of `/openapi.json`. */
export function openApi(version: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'deit-lt serve',
      version,
      description: 'Classifies images with trained models. Errors are JSON with a code and a sentence.',
    },
    paths: {
      '/v1/classify': { post: classifyOperation() },
      '/v1/models': { get: operation('lists the models and their classes', { 200: json(modelsSchema) }) },
      '/healthz': {
        get: operation('says whether the server accepts images', { 200: json(healthSchema), 503: json(healthSchema) }),
      },
      '/metrics': { get: operation('counts for Prometheus', { 200: textOf('text/plain') }) },
      '/openapi.json': { get: operation('this description', { 200: textOf('application/json') }) },
      '/': { get: operation('a page to try the server', { 200: textOf('text/html') }) },
    },
  };
}

const refusals = {
  400: 'the request is not valid',
  403: 'not allowed',
  404: 'there is no such model',
  405: 'the method is not POST; the header Allow names it',
  413: 'too many bytes, pixels or images',
  415: 'the Content-Type or the Content-Encoding is not supported',
  422: 'no image of the request can be read',
  429: 'too many images are waiting: try again after Retry-After seconds',
  500: 'a fault of the server',
  502: 'an image could not be fetched from its address',
  503: 'the server is stopping',
} as const;

function classifyOperation(): object {
  const errors = Object.entries(refusals).map(([status, description]) => [
    status,
    { ...json(errorSchema), description },
  ]);
  const bytes = { schema: { type: 'string', format: 'binary' } };
  const form = {
    type: 'object',
    properties: {
      image: { type: 'array', items: { type: 'string', format: 'binary' }, description: 'files, under any name' },
      model: { type: 'string' },
      top: { type: 'integer', minimum: 1 },
      url: { type: 'string', description: 'only with --allow-url' },
    },
  };
  return {
    ...operation('classifies one or more images', { 200: json(classifySchema), ...Object.fromEntries(errors) }),
    parameters: [
      parameter('model', { type: 'string' }, 'name of the model; needed where there are several'),
      parameter('top', { type: 'integer', minimum: 1, default: 5 }, 'number of most likely classes'),
    ],
    requestBody: {
      required: true,
      content: {
        'image/*': bytes,
        'application/octet-stream': bytes,
        'multipart/form-data': { schema: form },
        'application/json': { schema: schemaOf(urlRequestSchema) },
      },
    },
  };
}

const operation = (summary: string, responses: object): object => ({ summary, responses });

const parameter = (name: string, schema: object, description: string): object => ({
  name,
  in: 'query',
  schema,
  description,
});

const json = (schema: z.ZodType): object => ({
  description: 'JSON',
  content: { 'application/json': { schema: schemaOf(schema) } },
});

const textOf = (type: string): object => ({ description: 'text', content: { [type]: { schema: { type: 'string' } } } });

/** OpenAPI 3.1 takes JSON Schema as it is, without the mark of its version. */
function schemaOf(schema: z.ZodType): object {
  const { $schema, ...rest } = z.toJSONSchema(schema) as Record<string, unknown>;
  return rest;
}
