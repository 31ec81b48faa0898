/** Clients of a server: each sends an image, waits for the answer, and sends the next. */
import http from 'node:http';
import { performance } from 'node:perf_hooks';

export interface LoadOptions {
  readonly url: string;
  readonly images: readonly Buffer[];
  readonly clients: number;
  /** Milliseconds for which new requests are begun. */
  readonly ms: number;
  /** Ends after so many answers instead of after `ms`. */
  readonly requests?: number;
}

export interface Load {
  /** Milliseconds of each answered request. */
  readonly latencies: number[];
  readonly seconds: number;
  /** Answers of 429, after which the client waits as it is asked to. */
  readonly refused: number;
  /** Other statuses and broken connections. */
  readonly failed: number;
}

/** Runs the clients until the time is over or the requests are answered, and all that were begun are answered. */
export async function runLoad({
  url,
  images,
  clients,
  ms,
  requests = Number.POSITIVE_INFINITY,
}: LoadOptions): Promise<Load> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
  const since = performance.now();
  const latencies: number[] = [];
  let [begun, refused, failed] = [0, 0, 0];
  const client = async (number: number): Promise<void> => {
    for (let i = number; performance.now() - since < ms && begun < requests; i++) {
      begun++;
      for (let isAnswered = false; !isAnswered; ) {
        const start = performance.now();
        const { status, retryAfter } = await post(url, images[i % images.length]!, agent);
        isAnswered = status !== 429;
        if (status === 200) latencies.push(performance.now() - start);
        else if (status === 429) {
          refused++;
          await new Promise((resolve) => setTimeout(resolve, (retryAfter + Math.random()) * 1000));
        } else failed++;
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, i) => client(i)));
  agent.destroy();
  return { latencies, seconds: (performance.now() - since) / 1e3, refused, failed };
}

function post(url: string, body: Buffer, agent: http.Agent): Promise<{ status: number; retryAfter: number }> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/octet-stream', 'content-length': body.length };
    http
      .request(`${url}/v1/classify`, { method: 'POST', agent, headers }, (response) => {
        response.resume().on('end', () => {
          resolve({ status: response.statusCode ?? 0, retryAfter: Number(response.headers['retry-after'] ?? 1) });
        });
      })
      .on('error', () => resolve({ status: 0, retryAfter: 1 }))
      .end(body);
  });
}

/** The value below which `share` of the sorted values are. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
