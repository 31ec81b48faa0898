/** Reads the body of a request within bounds. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { RequestError } from './request-error.js';
import type { Slots } from './slots.js';

export interface BodyLimits {
  /** Largest body in bytes. */
  readonly maxBytes: number;
  /** Bytes that all requests hold together. */
  readonly held: Slots;
  /** The refusal when all together hold too much. */
  readonly busy: () => RequestError;
}

/** A body, whose bytes count as held until it is disposed. */
export interface HeldBody extends Disposable {
  readonly bytes: Buffer;
}

/**
 * Reads the whole body. Rejects with RequestError TOO_LARGE or `busy()`; the rest of a body that is refused is read and
 * thrown away, so that the client gets the answer. Rejects with the error of a client that goes away.
 */
export function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  { maxBytes, held, busy }: BodyLimits,
): Promise<HeldBody> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > maxBytes) return Promise.reject(tooLarge(maxBytes));
  if (/^100-continue$/i.test(request.headers.expect ?? '')) response.writeContinue();
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    const end = (): void => {
      request.off('data', take).off('end', finish).off('error', lost).off('close', lost);
    };
    const refuse = (error: Error): void => {
      end();
      held.release(length);
      pieces.length = 0;
      request.on('error', () => {}).resume();
      reject(error);
    };
    const take = (piece: Buffer): void => {
      if (length + piece.length > maxBytes) refuse(tooLarge(maxBytes));
      else if (held.take(piece.length)) {
        length += piece.length;
        pieces.push(piece);
      } else refuse(busy());
    };
    const finish = (): void => {
      end();
      // A copy: a small Buffer is a part of a larger block, which a thread would be sent as a whole.
      const bytes = Buffer.from(new Uint8Array(length).buffer);
      let at = 0;
      for (const piece of pieces) at += piece.copy(bytes, at);
      resolve({ bytes, [Symbol.dispose]: () => held.release(length) });
    };
    const lost = (error?: Error): void => refuse(error ?? new Error('the client closed the connection'));
    request.on('data', take).on('end', finish).on('error', lost).on('close', lost);
  });
}

function tooLarge(maxBytes: number): RequestError {
  return new RequestError(
    413,
    'TOO_LARGE',
    `The body of a request may have at most ${maxBytes} bytes (--max-bytes). Send a smaller image, or fewer in one request.`,
  );
}
