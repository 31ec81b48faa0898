/**
 * Clients of a server: each sends an image, waits for the answer, and sends the next. They speak HTTP/1.1 over plain sockets, because
 * Node's own client takes as long as a small network, on the cores that the server needs.
 */
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

export interface LoadOptions {
  readonly url: string;
  readonly images: readonly Buffer[];
  readonly clients: number;
  /** Milliseconds for which new requests are begun. */
  readonly ms: number;
  /** Ends after so many requests instead of after `ms`. */
  readonly requests?: number;
  /** Whether a client waits as long as an answer of 429 asks for, and sends its image again. Default true. */
  readonly retry?: boolean;
}

export interface Load {
  /** Requests that were begun, each with its repetitions. */
  readonly begun: number;
  /** Milliseconds of each answer of 200. */
  readonly latencies: number[];
  readonly seconds: number;
  /** Answers of 429 with `Retry-After`. */
  readonly refused: number;
  /** Other answers and broken connections. */
  readonly failed: number;
}

/** Runs the clients until the time is over or the requests are answered, and all that were begun are answered. */
export async function runLoad({
  url,
  images,
  clients,
  ms,
  requests = Number.POSITIVE_INFINITY,
  retry = true,
}: LoadOptions): Promise<Load> {
  const bodies = images.map((image) => requestOf(url, image));
  const since = performance.now();
  const latencies: number[] = [];
  let [begun, refused, failed] = [0, 0, 0];
  const client = async (number: number): Promise<void> => {
    using connection = new Connection(url);
    for (let i = number; performance.now() - since < ms && begun < requests; i++) {
      begun++;
      for (let isDone = false; !isDone; ) {
        const start = performance.now();
        const { status, retryAfter } = await connection.send(bodies[i % bodies.length]!);
        if (status === 200) latencies.push(performance.now() - start);
        else if (status === 429 && retryAfter !== undefined) refused++;
        else failed++;
        isDone = status !== 429 || retryAfter === undefined || !retry;
        if (!isDone) await new Promise((resolve) => setTimeout(resolve, (retryAfter! + Math.random()) * 1000));
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, i) => client(i)));
  return { begun, latencies, seconds: (performance.now() - since) / 1e3, refused, failed };
}

function requestOf(url: string, image: Buffer): Buffer {
  const { host } = new URL(url);
  const lines = [
    'POST /v1/classify HTTP/1.1',
    `Host: ${host}`,
    'Content-Type: application/octet-stream',
    `Content-Length: ${image.length}`,
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), image]);
}

/** The status 0 stands for a connection that broke. */
interface Answer {
  readonly status: number;
  /** Seconds of the header Retry-After. */
  readonly retryAfter?: number;
}

/** A connection that is kept for many requests, one after the other; opened again when the server closed it. */
class Connection implements Disposable {
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);
  #resolve: ((answer: Answer) => void) | undefined;

  constructor(private readonly url: string) {}

  send(request: Buffer): Promise<Answer> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#socket ??= this.#open();
      this.#socket.write(request);
    });
  }

  #open(): Socket {
    const { hostname, port } = new URL(this.url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#finish({ status: 0 });
    });
    return socket;
  }

  #take(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#received.toString('latin1', 0, end);
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1]);
    if (Number.isNaN(length)) throw new Error(`an answer without Content-Length:\n${head}`);
    if (this.#received.length < end + 4 + length) return;
    const retry = /^retry-after: *(\d+)/im.exec(head)?.[1];
    if (/^connection: *close/im.test(head)) this.#close();
    this.#finish({ status: Number(head.slice(9, 12)), ...(retry !== undefined && { retryAfter: Number(retry) }) });
  }

  #finish(answer: Answer): void {
    this.#received = Buffer.alloc(0);
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.(answer);
  }

  #close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}

/** The value below which `share` of the sorted values are. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
