/** What a server must bear: many clients at the same moment, and a long time under load. */
import { writeFileSync } from 'node:fs';
import { median } from '../rounds.js';
import { quantile, runLoad } from './load.js';
import { ended, metric, type Prepared, type Server, type Start } from './servers.js';

const withServer = async (start: Start, prepared: Prepared, work: (server: Server) => Promise<void>): Promise<void> => {
  const server = await start(prepared);
  try {
    await work(server);
  } finally {
    await ended(server);
  }
};

/**
 * `clients` images at the same moment, twice: first each client takes the answer as it is, then each comes again after 429. The exit code is
 * 1 when an answer is missing or the server counts other answers.
 */
export const burst = (start: Start, prepared: Prepared, clients: number): Promise<void> =>
  withServer(start, prepared, async (server) => {
    const { url } = server;
    const { images } = prepared;
    const endless = { url, images, clients, requests: clients, ms: Number.POSITIVE_INFINITY };
    const counted = async (): Promise<readonly [number, number]> => {
      const of = (status: number) => metric(server, `deit_lt_requests_total{status="${status}"}`);
      return [(await of(200)) || 0, (await of(429)) || 0];
    };
    let before = await counted();
    for (const retry of [false, true]) {
      const load = await runLoad({ ...endless, retry });
      const after = await counted();
      const [served, refused] = after.map((count, i) => count - before[i]!);
      before = after;
      const { latencies, seconds, failed } = load;
      console.log(
        `${clients} clients at once, ${retry ? 'who wait and come again after 429' : 'who do not come again'}: ${latencies.length} answered with 200, ${load.refused} with 429 and Retry-After, ${failed} with anything else, in ${seconds.toFixed(1)} s (p99 of 200: ${(quantile(latencies, 0.99) / 1000).toFixed(1)} s); the server counts ${served} and ${refused}`,
      );
      const answered = latencies.length + (retry ? 0 : load.refused);
      if (failed > 0 || answered !== clients || served !== latencies.length || refused !== load.refused)
        process.exitCode = 1;
    }
  });

export interface SoakOptions {
  readonly minutes: number;
  readonly clients?: number;
  /** Gets one line for each 10 seconds, as CSV. */
  readonly csv?: string | undefined;
}

const everyMs = 10_000;

/** Clients without a pause; the memory of the server every 10 seconds. The exit code is 1 when it grows, or a request fails. */
export const soak = (start: Start, prepared: Prepared, { minutes, clients = 16, csv }: SoakOptions): Promise<void> =>
  withServer(start, prepared, async (server) => {
    const samples: { seconds: number; mebibytes: number }[] = [];
    const since = performance.now();
    const look = async (): Promise<void> => {
      const mebibytes = (await metric(server, 'process_resident_memory_bytes ')) / 2 ** 20;
      samples.push({ seconds: (performance.now() - since) / 1000, mebibytes });
      if (csv !== undefined) writeFileSync(csv, csvOf(samples)); // each time: what was measured stays when the bench is ended
    };
    const timer = setInterval(() => void look(), everyMs);
    const { url } = server;
    const { images } = prepared;
    const load = await runLoad({ url, images, clients, ms: minutes * 60_000 });
    clearInterval(timer);
    const values = samples.map(({ mebibytes }) => mebibytes);
    const quarter = Math.max(1, Math.floor(values.length / 4));
    const of = (from: number): number => median(values.slice(from * quarter, (from + 1) * quarter));
    const quarters = [0, 1, 2, 3].map(of);
    console.log(
      `${minutes} min, ${clients} clients: ${load.latencies.length} answered, ${load.refused} times 429, ${load.failed} failed; memory in MiB, median of each quarter of ${values.length} samples: ${quarters.map((each) => each.toFixed(0)).join(', ')}; the most ${Math.max(...values).toFixed(0)}`,
    );
    if (load.failed > 0 || quarters[3]! > 1.05 * quarters[1]!) process.exitCode = 1;
  });

function csvOf(samples: readonly { seconds: number; mebibytes: number }[]): string {
  const lines = samples.map(({ seconds, mebibytes }) => `${seconds.toFixed(0)},${mebibytes.toFixed(1)}`);
  return `${['seconds,resident_mib', ...lines].join('\n')}\n`;
}
