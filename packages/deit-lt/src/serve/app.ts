/**
 * Answers the requests of a local page, apart from listening: routes first, then files of folders. It is for the
 * person at this machine: a page of another site that has its name point here (DNS rebinding) is refused by the Host
 * header, and one that sends something here by the browser's headers on its origin.
 */
import { createReadStream, statSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import os from 'node:os';
import { fileType } from './file-types.js';
import { fileAt } from './folder-files.js';
import { mayBeCrossSite } from './other-sites.js';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
}

/**
 * Answers, and says so; false leaves the request to the next. What it throws is answered with 500 and given to
 * `onError`.
 */
export type Route = (exchange: Exchange) => boolean | Promise<boolean>;

export interface AppOptions {
  /** Asked in order, for every method. */
  readonly routes?: readonly Route[];
  /** Whose files are served to GET and HEAD; the first that has it wins. */
  readonly folders?: readonly string[];
  /** Names that the Host header may have beside those of this machine; see `isOwnHost`. */
  readonly hosts?: readonly string[];
  /** Gets what a route threw. */
  readonly onError?: (error: unknown) => void;
}

/** A listener for `http.createServer`. */
export function createApp({ routes = [], folders = [], hosts = [], onError }: AppOptions): RequestListener {
  return (request, response) => {
    setHeaders(response);
    const url = urlOf(request);
    if (url === undefined) return say(response, 400, 'This address is not valid.');
    if (!isOwnHost(request.headers.host, hosts))
      return say(
        response,
        403,
        `This server answers to its own addresses only, not to ${request.headers.host ?? 'none'}.`,
      );
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD' && mayBeCrossSite(request.headers))
      return say(response, 403, 'Pages of other sites may not use this server.');
    answer({ request, response, url }, routes, folders).catch((error: unknown) => {
      onError?.(error);
      if (response.headersSent) response.destroy();
      else say(response, 500, 'The server failed.');
    });
  };
}

/**
 * Returns whether a Host header can only be of someone who means this machine: an IP address, which no foreign name can
 * point here, `localhost`, this machine's own name, or one of `hosts`.
 */
export function isOwnHost(header: string | undefined, hosts: readonly string[] = []): boolean {
  const name = header?.replace(/:\d+$/, '').toLowerCase();
  if (name === undefined || name === '') return false;
  const names = ['localhost', os.hostname(), ...hosts].map((host) => host.toLowerCase());
  return names.includes(name) || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/** An answer of text; ends the response. */
export function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}

/** An answer of JSON; ends the response. */
export function sayJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'Content-Type': fileType('.json') });
  response.end(JSON.stringify(value));
}

/** Everything comes from here, nothing is guessed, and no other site may show it in a frame or share its memory. */
function setHeaders(response: ServerResponse): void {
  const policy = [
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "connect-src 'self' blob: data:",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  response.setHeader('Content-Security-Policy', policy.join('; '));
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Cache-Control', 'no-cache');
  // With these two the browser allows shared memory, and so threads in WASM.
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
}

function urlOf({ url = '' }: IncomingMessage): URL | undefined {
  // Joined as text: `new URL('//x', base)` would read a host.
  const address = `http://localhost${url}`;
  return url.startsWith('/') && URL.canParse(address) ? new URL(address) : undefined;
}

async function answer(exchange: Exchange, routes: readonly Route[], folders: readonly string[]): Promise<void> {
  const { request, response, url } = exchange;
  for (const route of routes) if (await route(exchange)) return;
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return say(response, 405, `${request.method} is not supported here.`);
  }
  const file = folders.map((folder) => fileAt(folder, url.pathname)).find((found) => found !== undefined);
  if (file === undefined) return say(response, 404, `${url.pathname} does not exist.`);
  await sendFile(exchange, file);
}

function sendFile({ request, response }: Exchange, file: string): Promise<void> {
  response.writeHead(200, { 'Content-Type': fileType(file), 'Content-Length': statSync(file).size });
  if (request.method === 'HEAD') {
    response.end();
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    const stream = createReadStream(file).on('error', reject);
    // A reader that leaves early is not a failure.
    response.on('close', () => {
      stream.destroy();
      resolve();
    });
    stream.pipe(response);
  });
}
