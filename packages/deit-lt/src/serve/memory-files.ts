/** A route for files that are in memory, by their names at the root. */
import type { Route } from './app.js';
import { fileType } from './file-types.js';

/** Answers GET and HEAD of `/NAME` for each of `files`. */
export function memoryFiles(files: ReadonlyMap<string, Uint8Array>): Route {
  return ({ request, response, url }) => {
    const bytes = files.get(url.pathname.slice(1));
    if (bytes === undefined || !['GET', 'HEAD'].includes(request.method ?? '')) return false;
    response.writeHead(200, { 'Content-Type': fileType(url.pathname), 'Content-Length': bytes.length });
    response.end(request.method === 'HEAD' ? undefined : bytes);
    return true;
  };
}
