/** Answers what is not HTTP, which Node refuses before the app sees it: in JSON, as the app answers. */
import { type Server, STATUS_CODES } from 'node:http';
import type { ErrorAnswer } from './answer-schema.js';

const reasons: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers of the request are too long.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
};
const malformed = [400, 'The request is not valid HTTP.'] as const;

/** Makes `server` answer malformed, late and too long requests with a sentence, and close their connections. */
export function answerMalformed(server: Server): void {
  server.on('clientError', ({ code = '' }: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || code === 'ECONNRESET') return void socket.destroy();
    const [status, message] = reasons[code] ?? malformed;
    const text = JSON.stringify({ error: { code: 'BAD_REQUEST', message } } satisfies ErrorAnswer);
    const lines = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(text)}`,
    ];
    socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy());
  });
}
