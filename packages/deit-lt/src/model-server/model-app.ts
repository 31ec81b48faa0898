/** The routes of the model server: each answers in JSON, errors too. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isOwnHost } from '../serve/app.js';
import { isCrossSite } from '../serve/other-sites.js';
import type { ErrorAnswer } from './answer-schema.js';
import type { ModelServer } from './model-server.js';
import { openApi } from './openapi.js';
import { pageFiles } from './page.js';
import { RequestError } from './request-error.js';

export interface ModelAppOptions {
  readonly version: string;
  /** Whether any Host header is taken: of a server that others reach, under names that it does not know. */
  readonly anyHost: boolean;
  /** Gets errors that are not the client's. */
  readonly onError?: (error: unknown) => void;
}

type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => void | Promise<void>;

/** A listener for `http.createServer`. */
export function createModelApp(server: ModelServer, options: ModelAppOptions): RequestListener {
  const routes = routesOf(server, options);
  return (request, response) => {
    setHeaders(response);
    answer(routes, request, response, options).catch((error: unknown) => {
      refuse(server, request, response, error, options);
    });
  };
}

function routesOf(server: ModelServer, { version }: ModelAppOptions): ReadonlyMap<string, Handler> {
  const pages = pageFiles().map(({ name, type, text }): [string, Handler] => [
    `GET ${name}`,
    (_, response) => send(response, 200, text, type),
  ]);
  return new Map<string, Handler>([
    ['GET /healthz', (_, response) => sendJson(response, server.health().status === 'ok' ? 200 : 503, server.health())],
    [
      'GET /metrics',
      (_, response) => send(response, 200, server.metricsText(), 'text/plain; version=0.0.4; charset=utf-8'),
    ],
    ['GET /openapi.json', (_, response) => sendJson(response, 200, openApi(version))],
    ['GET /v1/models', (_, response) => sendJson(response, 200, server.models())],
    [
      'POST /v1/classify',
      async (request, response, url) => {
        requireOwnPage(request);
        const answered = await server.classify(request, response, url);
        server.metrics.requests.add({ status: '200' });
        sendJson(response, 200, answered);
      },
    ],
    ...pages,
  ]);
}

async function answer(
  routes: ReadonlyMap<string, Handler>,
  request: IncomingMessage,
  response: ServerResponse,
  { anyHost }: ModelAppOptions,
): Promise<void> {
  if (!anyHost && !isOwnHost(request.headers.host) && !isSimpleProbe(request))
    throw new RequestError(
      403,
      'FORBIDDEN',
      'This server answers to its own addresses only. Start it with --host to open it to others.',
    );
  const url = urlOf(request);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const handler = routes.get(`${method} ${url.pathname}`);
  if (handler !== undefined) return handler(request, response, url);
  const allowed = [...routes.keys()]
    .filter((route) => route.endsWith(` ${url.pathname}`))
    .map((route) => route.split(' ')[0]!);
  if (allowed.length === 0)
    throw new RequestError(404, 'NOT_FOUND', 'There is nothing at this address; /openapi.json lists what there is.');
  throw new RequestError(405, 'METHOD_NOT_ALLOWED', `${url.pathname} takes ${allowed.join(', ')}.`, {
    headers: { Allow: allowed.join(', ') },
  });
}

/**
 * Probes of HTTP/1.0 name no host (in HTTP/1.1, Node refuses that). A web page cannot send them: browsers always name one.
 */
function isSimpleProbe({ headers, url = '' }: IncomingMessage): boolean {
  return headers.host === undefined && /^\/(healthz|metrics)(\?|$)/.test(url);
}

function urlOf({ url = '' }: IncomingMessage): URL {
  const address = `http://localhost${url}`; // joined as text: `new URL('//x', base)` would read a host
  if (url.startsWith('/') && URL.canParse(address)) return new URL(address);
  throw new RequestError(400, 'BAD_REQUEST', 'The address of the request is not valid.');
}

/** Refuses the pages of other sites, which a browser on this machine may have open: they could keep the network busy. */
function requireOwnPage({ headers }: IncomingMessage): void {
  if (isCrossSite(headers)) throw new RequestError(403, 'FORBIDDEN', 'Pages of other sites may not use this server.');
}

function refuse(
  server: ModelServer,
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  { onError }: ModelAppOptions,
): void {
  const isGone = response.destroyed || response.closed || (request.destroyed && !request.complete);
  const known = error instanceof RequestError ? error : failure();
  if (request.url?.startsWith('/v1/classify') === true)
    server.metrics.requests.add({ status: isGone ? 'closed' : String(known.status) });
  if (!(error instanceof RequestError) && !isGone) onError?.(error);
  if (isGone || response.headersSent) return void response.destroy();
  for (const [name, value] of Object.entries(known.headers)) response.setHeader(name, value);
  const { code, message } = known;
  sendJson(response, known.status, { error: { code, message } } satisfies ErrorAnswer);
}

const failure = (): RequestError =>
  new RequestError(500, 'FAILED', 'The server failed to answer this request; its log has the reason.');

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, JSON.stringify(value), 'application/json; charset=utf-8');
}

function send(response: ServerResponse, status: number, text: string, type: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

function setHeaders(response: ServerResponse): void {
  const policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  response.setHeader('Content-Security-Policy', policy);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Cache-Control', 'no-store');
}
