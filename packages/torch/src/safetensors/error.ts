/** The errors of safetensors files, by code. */

/** Every code, with what it means; docs and tests read this table. */
export const safetensorsCodes = {
  ARGUMENT: 'a function of this module got a value that it does not take',
  IO: 'the file or its folder is missing, not a file, not permitted, or the disk failed or is full',
  CLOSED: 'the file object was closed before this read',
  NO_SUCH_TENSOR: 'the file has no tensor of that name',
  OUT_OF_MEMORY: 'there is no memory for the tensor, or for the whole file as one array',
  TRUNCATED: 'the file ends before its header, or before the data that its header describes',
  TRAILING: 'the file has bytes that belong to no tensor after its data',
  HEADER_LENGTH: 'the header is shorter than {}, longer than 100 MB, or has more than a million names',
  HEADER_TEXT: 'the header is not UTF-8',
  HEADER_JSON: 'the header is not strict JSON that begins with {',
  FIELD: "a tensor's entry lacks one of dtype, shape and data_offsets, has another field, or one has the wrong type",
  METADATA: '__metadata__ is not a map from strings to strings',
  DUPLICATE: 'one name stands twice in the same object',
  DTYPE: 'the format has no such element type',
  DTYPE_UNSUPPORTED: 'the format has this element type, but this package does not support it',
  SHAPE: 'a size is negative, not whole, or the shape is too large to count',
  OFFSETS: 'data_offsets are not whole numbers, end before they begin, overlap, or leave a hole',
  SIZE: "a tensor's bytes are not as many as its shape and dtype take",
} as const;

export type SafetensorsCode = keyof typeof safetensorsCodes;

export interface SafetensorsProblem {
  /** The file, unless the bytes were in memory. */
  path?: string | undefined;
  /** The tensor that the problem is about. */
  tensor?: string | undefined;
  expected?: string | undefined;
  found?: string | undefined;
  cause?: unknown;
}

/**
 * A file that is not valid, cannot be read or cannot be written; the message names the file, the place, and what was
 * expected.
 */
export class SafetensorsError extends Error {
  override name = 'SafetensorsError';
  readonly path: string | undefined;
  readonly tensor: string | undefined;
  readonly expected: string | undefined;
  readonly found: string | undefined;

  constructor(
    readonly code: SafetensorsCode,
    what: string,
    { path, tensor, expected, found, cause }: SafetensorsProblem = {},
  ) {
    const where = `${path ?? 'safetensors'}: ${tensor === undefined ? '' : `tensor ${quote(tensor)}: `}`;
    const details = [expected && `expected ${expected}`, found && `found ${found}`].filter(Boolean).join(', ');
    super(`${where}${what}${details === '' ? '' : `: ${details}`}`, cause === undefined ? undefined : { cause });
    this.path = path;
    this.tensor = tensor;
    this.expected = expected;
    this.found = found;
  }
}

/** A string of the file as messages show it: quoted, and cut where it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'it is a folder, not a file',
  EACCES: 'this user may not do that',
  EPERM: 'this user may not do that',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EFBIG: 'the file is larger than this user or file system may have',
  EMFILE: 'this process has too many open files',
};

/** An error of the file system as one of ours; `doing` is `open`, `read`, `write`, … */
export function ioError(doing: string, path: string, cause: unknown): SafetensorsError {
  const { code = '', message = String(cause) } = cause as NodeJS.ErrnoException;
  const reason = reasons[code] === undefined ? message : `${reasons[code]} (${code})`;
  return new SafetensorsError('IO', `cannot ${doing} it: ${reason}`, { path, cause });
}
