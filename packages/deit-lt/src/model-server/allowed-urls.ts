/** Fetches images from addresses, where `--allow-url` permits it: never from this machine or its network unless named. */
import { lookup } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { badRequest, RequestError } from './request-error.js';

export interface UrlRules {
  /** Hosts whose images are fetched; `*` is every host with a public address. */
  readonly hosts: readonly string[];
  /** Largest image in bytes. */
  readonly maxBytes: number;
  /** Milliseconds for all of it. Default 10,000. */
  readonly timeoutMs?: number;
}

const mostRedirects = 3;
const tooLong = 'it took too long';

/** Returns the bytes at `address`. Rejects with RequestError FORBIDDEN, URL_FAILED, BAD_REQUEST or TOO_LARGE. */
export async function fetchImage(address: string, rules: UrlRules): Promise<Buffer> {
  const signal = AbortSignal.timeout(rules.timeoutMs ?? 10_000);
  let url = parsed(address);
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    requireAllowed(url, rules);
    const response = await get(url, rules, signal);
    const { statusCode = 0, headers } = response;
    if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
      response.destroy();
      url = redirected(headers.location, url);
    } else if (statusCode === 200) return await bytesOf(response, url, rules, signal);
    else {
      response.destroy();
      throw failed(url, `it answered with the status ${statusCode}`);
    }
  }
  throw failed(url, `it redirects more than ${mostRedirects} times`);
}

function parsed(address: string): URL {
  if (!URL.canParse(address)) throw badRequest('The url is not valid.');
  const url = new URL(address);
  if (isHttp(url)) return url;
  throw badRequest(`A url must begin with http: or https:, not ${url.protocol}`);
}

/** The address to which the host of `from` redirects: one that cannot be used is the host's fault, not the client's. */
function redirected(location: string, from: URL): URL {
  if (!URL.canParse(location, from.href)) throw failed(from, 'it redirects to an address that is not valid');
  const url = new URL(location, from.href);
  if (isHttp(url)) return url;
  throw failed(from, `it redirects to an address that begins with ${url.protocol}, not http: or https:`);
}

const isHttp = ({ protocol }: URL): boolean => protocol === 'http:' || protocol === 'https:';

const bare = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();

const isNamed = ({ hostname }: URL, { hosts }: UrlRules): boolean =>
  hosts.some((host) => host !== '*' && bare(host) === bare(hostname));

function requireAllowed(url: URL, rules: UrlRules): void {
  if (isNamed(url, rules)) return;
  if (!rules.hosts.includes('*'))
    throw new RequestError(
      403,
      'FORBIDDEN',
      `Images are not fetched from ${url.hostname}: --allow-url does not name it.`,
    );
  const host = bare(url.hostname);
  if (isIP(host) !== 0 && !isPublic(host)) throw notPublic(url.hostname);
}

function notPublic(host: string): RequestError {
  return new RequestError(
    403,
    'FORBIDDEN',
    `Images are not fetched from ${host}, which is not a public address; --allow-url ${host} would allow it.`,
  );
}

function get(url: URL, rules: UrlRules, signal: AbortSignal): Promise<http.IncomingMessage> {
  const { request } = url.protocol === 'https:' ? https : http;
  const options = { signal, headers: { accept: 'image/*' }, ...(!isNamed(url, rules) && { lookup: publicLookup }) };
  return new Promise((resolve, reject) => {
    request(url, options, resolve)
      .on('error', (error) => reject(error instanceof RequestError ? error : failed(url, reasonOf(error))))
      .end();
  });
}

/** Resolves names to public addresses alone: a name of somebody else may point to this network. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const found = (addresses ?? []).filter(({ address }) => isPublic(address));
    const first = found[0];
    if (error !== null) callback(error, '', 0);
    else if (first === undefined) callback(notPublic(hostname), '', 0);
    else if (options.all === true) callback(null, found);
    else callback(null, first.address, first.family);
  });
};

/** Node ends a body without Content-Length as if it were whole when the signal aborts, and resets one that has it. */
function bytesOf(
  response: http.IncomingMessage,
  url: URL,
  { maxBytes }: UrlRules,
  signal: AbortSignal,
): Promise<Buffer> {
  const cut = (): RequestError => failed(url, signal.aborted ? tooLong : 'the connection broke off');
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    response.on('data', (piece: Buffer) => {
      length += piece.length;
      pieces.push(piece);
      if (length <= maxBytes) return;
      response.destroy();
      reject(new RequestError(413, 'TOO_LARGE', `The image at the url has more than ${maxBytes} bytes (--max-bytes).`));
    });
    response.on('end', () => {
      if (signal.aborted || !response.complete) reject(cut());
      else resolve(Buffer.concat(pieces));
    });
    response.on('error', () => reject(cut()));
    response.on('close', () => reject(cut())); // after "end" or an error this changes nothing
  });
}

function failed(url: URL, reason: string): RequestError {
  return new RequestError(502, 'URL_FAILED', `The image at ${url.hostname} could not be fetched: ${reason}.`);
}

function reasonOf(error: NodeJS.ErrnoException): string {
  return error.name === 'AbortError' || error.name === 'TimeoutError' ? tooLong : (error.code ?? error.message);
}

/** Addresses of this machine, of networks that are not public, and of no machine (IANA's special registries). */
const reserved = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  reserved.addSubnet(net, prefix, 'ipv4');

const publicV6 = new BlockList();
publicV6.addSubnet('2000::', 3, 'ipv6');
for (const [net, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  reserved.addSubnet(net, prefix, 'ipv6');

/** Returns whether `address` is one that everybody in the internet reaches. */
export function isPublic(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isPublic(mapped);
  if (isIP(address) === 4) return !reserved.check(address, 'ipv4');
  return isIP(address) === 6 && publicV6.check(address, 'ipv6') && !reserved.check(address, 'ipv6');
}
