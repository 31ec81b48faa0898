/** Refusals of the model server: a status, a code for programs, and a sentence for people. */

/** The codes of `error.code` in answers, beside those of `UserError`. */
export type RequestErrorCode =
  | 'BAD_REQUEST'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'TOO_LARGE'
  | 'UNSUPPORTED_TYPE'
  | 'BAD_IMAGE'
  | 'URL_FAILED'
  | 'QUEUE_FULL'
  | 'STOPPING'
  | 'FAILED';

export interface RequestErrorOptions {
  /** Headers of the answer, such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** A request that is refused. The message is sent to the client: it names nothing of this machine. */
export class RequestError extends Error {
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly status: number,
    readonly code: RequestErrorCode,
    message: string,
    { headers = {}, cause }: RequestErrorOptions = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.headers = headers;
  }
}

export const badRequest = (message: string): RequestError => new RequestError(400, 'BAD_REQUEST', message);
