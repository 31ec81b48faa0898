/** Counts for Prometheus, in its text format (version 0.0.4). */

type Labels = Readonly<Record<string, string>>;

/** Batches are powers of two; times in seconds from 5 ms to 10 s. */
const batchBounds = [1, 2, 4, 8, 16, 32, 64, 128];
const secondsBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class Counter {
  readonly #values = new Map<string, number>();

  constructor(
    readonly name: string,
    readonly help: string,
  ) {}

  add(labels: Labels = {}, by = 1): void {
    const key = labelText(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + by);
  }

  lines(): string[] {
    return [...head(this, 'counter'), ...[...this.#values].map(([labels, value]) => `${this.name}${labels} ${value}`)];
  }
}

export class Histogram {
  readonly #series = new Map<string, { labels: Labels; counts: number[]; sum: number; count: number }>();

  constructor(
    readonly name: string,
    readonly help: string,
    readonly bounds: readonly number[],
  ) {}

  observe(labels: Labels, value: number): void {
    const key = labelText(labels);
    const series = this.#series.get(key) ?? { labels, counts: this.bounds.map(() => 0), sum: 0, count: 0 };
    this.#series.set(key, series);
    const place = this.bounds.findIndex((bound) => value <= bound);
    if (place >= 0) series.counts[place]!++;
    series.sum += value;
    series.count++;
  }

  lines(): string[] {
    return [...head(this, 'histogram'), ...[...this.#series.values()].flatMap((series) => this.#linesOf(series))];
  }

  /** Buckets count everything up to their bound. */
  #linesOf({ labels, counts, sum, count }: { labels: Labels; counts: number[]; sum: number; count: number }): string[] {
    let below = 0;
    const buckets = this.bounds.map((bound, i) => {
      below += counts[i]!;
      return `${this.name}_bucket${labelText({ ...labels, le: String(bound) })} ${below}`;
    });
    const key = labelText(labels);
    return [
      ...buckets,
      `${this.name}_bucket${labelText({ ...labels, le: '+Inf' })} ${count}`,
      `${this.name}_sum${key} ${sum}`,
      `${this.name}_count${key} ${count}`,
    ];
  }
}

const head = ({ name, help }: { name: string; help: string }, type: string): string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
];

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** The counts of a server. */
export class ServerMetrics {
  readonly requests = new Counter('deit_lt_requests_total', 'Requests to /v1/classify by status.');
  readonly images = new Counter('deit_lt_images_total', 'Images by model and result: classified, unknown, or refused.');
  readonly batches = new Histogram('deit_lt_batch_images', 'Images in a call of the network.', batchBounds);
  readonly seconds = new Histogram('deit_lt_request_seconds', 'Seconds of a request to /v1/classify.', secondsBounds);

  /** The whole page; `gauges` are values of now by their names. */
  text(gauges: Readonly<Record<string, { help: string; value: number }>>): string {
    const now = Object.entries(gauges).flatMap(([name, { help, value }]) => [
      ...head({ name, help }, 'gauge'),
      `${name} ${value}`,
    ]);
    const counted = [this.requests, this.images, this.batches, this.seconds].flatMap((each) => each.lines());
    return `${[...counted, ...now].join('\n')}\n`;
  }
}
