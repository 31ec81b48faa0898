/** The images of a request to `/v1/classify`: its body, the files of a form, or addresses. */
import type { IncomingMessage } from 'node:http';
import { checked, parsedJson } from '../runs/read-json.js';
import { urlRequestSchema } from './answer-schema.js';
import { parseMultipart } from './multipart.js';
import { badRequest, RequestError } from './request-error.js';

/** An image by its bytes, or by the address at which it is. */
export type RequestImage =
  | { readonly name?: string; readonly bytes: Buffer }
  | { readonly name: string; readonly url: string };

export interface ClassifyRequest {
  readonly images: readonly RequestImage[];
  readonly model: string | undefined;
  /** As text where it is a part of a form or an address. */
  readonly top: string | number | undefined;
}

/** Reads the request whose body is `bytes`. Throws RequestError BAD_REQUEST or UNSUPPORTED_TYPE. */
export function requestImages(request: IncomingMessage, url: URL, bytes: Buffer): ClassifyRequest {
  const query = queryOf(url);
  requirePlain(request);
  const type = request.headers['content-type'] ?? 'application/octet-stream';
  const found = byType(type, bytes);
  if (found.images.length === 0) throw badRequest('The request has no image.');
  return { images: found.images, model: query.model ?? found.model, top: query.top ?? found.top };
}

function queryOf({ searchParams }: URL): Partial<Record<string, string>> {
  for (const name of searchParams.keys())
    if (name !== 'model' && name !== 'top')
      throw badRequest(`The address has the unknown parameter "${name}"; expected model or top.`);
    else if (searchParams.getAll(name).length > 1)
      throw badRequest(`The address has the parameter ${name} more than once.`);
  return Object.fromEntries(searchParams);
}

function requirePlain({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding'] ?? '';
  if (/^(identity)?$/i.test(encoding.trim())) return;
  throw new RequestError(
    415,
    'UNSUPPORTED_TYPE',
    `The Content-Encoding ${encoding} is not supported: send the body as it is, without this header.`,
  );
}

function byType(type: string, bytes: Buffer): ClassifyRequest {
  const [name = ''] = type.toLowerCase().split(';');
  switch (name.trim()) {
    case 'multipart/form-data':
      return ofForm(bytes, type);
    case 'application/json':
      return ofJson(bytes);
    case 'application/octet-stream':
    case 'application/x-www-form-urlencoded': // what curl --data-binary says
      return ofBody(bytes);
    default:
      if (name.startsWith('image/')) return ofBody(bytes);
      throw new RequestError(
        415,
        'UNSUPPORTED_TYPE',
        'Expected the Content-Type image/…, application/octet-stream, multipart/form-data or application/json.',
      );
  }
}

function ofBody(bytes: Buffer): ClassifyRequest {
  return { images: bytes.length === 0 ? [] : [{ bytes }], model: undefined, top: undefined };
}

function ofForm(bytes: Buffer, type: string): ClassifyRequest {
  const parts = parseMultipart(bytes, type);
  const text = (name: string): string | undefined => {
    const fields = parts.filter((part) => part.name === name && part.file === undefined);
    if (fields.length > 1) throw badRequest(`The form has the field ${name} more than once.`);
    return fields[0]?.bytes.toString();
  };
  const images = parts.flatMap(({ name, file, bytes: content }): RequestImage[] => {
    if (file !== undefined) return file === '' && content.length === 0 ? [] : [{ name: file, bytes: content }];
    return name === 'url' ? [{ name: content.toString(), url: content.toString() }] : [];
  });
  return { images, model: text('model'), top: text('top') };
}

function ofJson(bytes: Buffer): ClassifyRequest {
  const { url, urls = [], model, top } = parsedRequest(bytes);
  if (url !== undefined && urls.length > 0)
    throw badRequest('The JSON of the request has both url and urls: give one.');
  const all = [...(url === undefined ? [] : [url]), ...urls];
  return { images: all.map((address) => ({ name: address, url: address })), model, top };
}

function parsedRequest(bytes: Buffer) {
  try {
    return checked(parsedJson(bytes.toString()), urlRequestSchema);
  } catch (error) {
    throw badRequest(`The JSON of the request cannot be used: ${(error as Error).message}.`);
  }
}
