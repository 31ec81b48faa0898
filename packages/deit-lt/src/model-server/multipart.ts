/** Bodies of the type `multipart/form-data` (RFC 7578), as browsers, curl -F and HTTP libraries send them. */
import { badRequest } from './request-error.js';

export interface Part {
  /** Name of the form's field. */
  readonly name: string;
  /** Name of the file; absent for a field with text. */
  readonly file?: string;
  readonly bytes: Buffer;
}

const lineEnd = '\r\n';
/** A part's headers are short; without a limit, a body without line ends would be searched again and again. */
const longestHeaders = 16 << 10;
const mostParts = 10_000;

/** Parses `body`, whose header Content-Type is `type`. Throws RequestError BAD_REQUEST. */
export function parseMultipart(body: Buffer, type: string): Part[] {
  const delimiter = `--${boundaryOf(type)}`;
  const parts: Part[] = [];
  let at = firstDelimiter(body, delimiter) + delimiter.length;
  while (body.toString('latin1', at, at + 2) !== '--') {
    if (parts.length === mostParts) throw badRequest(`The body has more than ${mostParts} parts.`);
    const start = body.indexOf(lineEnd, at);
    const end = start < 0 ? -1 : body.indexOf(lineEnd + delimiter, start);
    if (end < 0) throw badRequest('The multipart body is cut off: its last boundary is missing.');
    parts.push(partOf(body.subarray(start, end)));
    at = end + lineEnd.length + delimiter.length;
  }
  return parts;
}

function boundaryOf(type: string): string {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))/i.exec(type) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined)
    throw badRequest('The header Content-Type of a multipart body needs its boundary: multipart/form-data; boundary=…');
  return boundary;
}

/** At the beginning of the body, or of a line. */
function firstDelimiter(body: Buffer, delimiter: string): number {
  if (body.indexOf(delimiter) === 0) return 0;
  const found = body.indexOf(lineEnd + delimiter);
  if (found < 0) throw badRequest('The body does not have the boundary that its header Content-Type names.');
  return found + lineEnd.length;
}

/** A part from the line end after its delimiter on: headers, an empty line, content. */
function partOf(bytes: Buffer): Part {
  const end = bytes.subarray(0, longestHeaders).indexOf(lineEnd + lineEnd);
  if (end < 0) throw badRequest('A part of the multipart body has no empty line between its headers and its content.');
  const headers = bytes.toString('utf8', lineEnd.length, Math.max(lineEnd.length, end));
  const disposition = /^content-disposition:(.*)$/im.exec(headers)?.[1] ?? '';
  const name = parameter(disposition, 'name');
  if (name === undefined)
    throw badRequest('A part of the multipart body has no name: Content-Disposition: form-data; name="image"');
  const file = parameter(disposition, 'filename');
  return { name, ...(file !== undefined && { file }), bytes: bytes.subarray(end + 2 * lineEnd.length) };
}

function parameter(disposition: string, name: string): string | undefined {
  const [, quoted, plain] =
    new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;"]+))`, 'i').exec(disposition) ?? [];
  return quoted?.replace(/\\(["\\])/g, '$1').replaceAll('%22', '"') ?? plain;
}
