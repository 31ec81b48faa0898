/** Recognises requests that pages of other sites make from a browser on this machine. They cannot read the answers, but their requests arrive. */
import type { IncomingHttpHeaders } from 'node:http';

/** Returns whether a browser says that a page of another site made the request. Only secure addresses and those of this machine get this header. */
export function isCrossSite(headers: IncomingHttpHeaders): boolean {
  return headers['sec-fetch-site'] === 'cross-site';
}

/**
 * Returns whether a request that changes something may be of a page of another site: as `isCrossSite`, and, where the browser does not say
 * so, by an `Origin` with another host than `Host`. Other programs than browsers send neither header.
 */
export function mayBeCrossSite(headers: IncomingHttpHeaders): boolean {
  if (headers['sec-fetch-site'] !== undefined) return isCrossSite(headers);
  const { origin, host } = headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host?.toLowerCase();
}
