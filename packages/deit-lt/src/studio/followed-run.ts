/** One run folder, looked at again and again while somebody else may write to it. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { whyFewerEpochs } from '../recipe/fewer-epochs.js';
import { partOf } from '../recipe/part.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import { epochsOf } from '../report/report-run.js';
import { readJson } from '../runs/read-json.js';
import { type RunConfig, RunFolder, readRunConfig } from '../runs/run-folder.js';
import { evaluationSchema } from '../runs/run-schema.js';
import { plainName } from '../tasks/model-of.js';
import { groupFigures, MetricsTail } from './metrics-tail.js';
import type { CurveRecord, RunState, RunView } from './run-view.js';

/**
 * A run without news for this long has stopped: at least that many milliseconds, and that many of its longest epochs.
 */
const quietMs = 120_000;
const quietEpochs = 3;
/** Before the first epoch is done nobody knows how long one takes. */
const quietAtFirstMs = 900_000;

export interface RunNews {
  readonly view: RunView;
  /** The first record that is new; the number of records when none is. */
  readonly from: number;
}

export class FollowedRun {
  readonly #run: RunFolder;
  readonly #tail: MetricsTail;
  #config: { readonly changed: number; readonly value: RunConfig } | undefined;
  #evaluation: { readonly changed: number; readonly found: Pick<RunView, 'figures' | 'split'> | undefined } | undefined;
  #view: RunView | undefined;
  /** The first record that was read and not told of. */
  #untold = Number.POSITIVE_INFINITY;

  constructor(
    readonly id: string,
    readonly folder: string,
  ) {
    this.#run = new RunFolder(folder);
    this.#tail = new MetricsTail(this.#run.metricsFile);
  }

  get records(): readonly CurveRecord[] {
    return this.#tail.records;
  }

  /** Returns the run as it was last read; undefined while it does not have a readable configuration. */
  get view(): RunView | undefined {
    return this.#view;
  }

  /** Looks for news at the time `now`. Undefined when there is none. */
  look(now: number): RunNews | undefined {
    this.#untold = Math.min(this.#untold, this.#tail.read() ?? Number.POSITIVE_INFINITY);
    const [before, view] = [this.#view, this.#viewAt(now)];
    if (view === undefined) return undefined; // what was known stays known
    this.#view = view;
    const from = before === undefined ? 0 : this.#untold;
    this.#untold = Number.POSITIVE_INFINITY;
    if (from === Number.POSITIVE_INFINITY && JSON.stringify(view) === JSON.stringify(before)) return undefined;
    return { view, from: Math.min(from, this.records.length) };
  }

  /** Undefined for a configuration that is of something else, or half written. */
  #viewAt(now: number): RunView | undefined {
    try {
      return this.#newView(now);
    } catch {
      return undefined;
    }
  }

  #newView(now: number): RunView {
    const config = this.#readConfig();
    const { kind, data, started } = config;
    const part = partOf(config);
    const changes = this.#changes();
    const news = Math.max(...Object.values(changes));
    const epochs = this.#endsEarly(config, changes) ? this.records.length : epochsOf({ config });
    const state = this.#state(epochs, now - news);
    return {
      id: this.id,
      kind,
      state,
      started: Date.parse(started) || changes.config,
      news,
      epochs,
      epochsDone: Math.min(epochs, this.records.length),
      ...(state === 'running' && { secondsLeft: this.#secondsLeft(epochs) }),
      model: kind === 'vit' ? plainName(part.model.name) : part.model.name,
      imageSize: part.imageSize,
      data: {
        name: data.name,
        classes: data.classNames.length,
        images: data.trainCounts.reduce((a, b) => a + b, 0),
      },
      ...this.#figures(changes.evaluation, part.weights),
      version: [changes.config, changes.evaluation, changes.predictions, changes.analysis, this.records.length].join(),
    };
  }

  /** Throws UserError RUN_FOLDER. */
  #readConfig(): RunConfig {
    const changed = changeOf(this.#run.configFile);
    if (changed !== this.#config?.changed) this.#config = { changed, value: readRunConfig(this.folder) };
    return this.#config.value;
  }

  #changes() {
    const { configFile, metricsFile, evaluationFile, predictionsFile } = this.#run;
    return {
      config: changeOf(configFile),
      metrics: changeOf(metricsFile),
      checkpoint: changeOf(this.#run.checkpoint('last')),
      evaluation: changeOf(evaluationFile),
      predictions: changeOf(predictionsFile),
      analysis: changeOf(path.join(this.folder, 'analysis.json')),
    };
  }

  /** A training may have fewer epochs than its recipe: it was evaluated after its last. */
  #endsEarly(config: RunConfig, { evaluation, metrics }: { evaluation: number; metrics: number }): boolean {
    return whyFewerEpochs(config) !== undefined && this.records.length > 0 && evaluation > 0 && evaluation >= metrics;
  }

  #state(epochs: number, quiet: number): RunState {
    const { length } = this.records;
    const hasModel = changeOf(this.#run.checkpoint('best')) > 0;
    // A model that was imported has no epochs of ours.
    if (hasModel && (length >= epochs || (length === 0 && changeOf(this.#run.evaluationFile) > 0))) return 'finished';
    const longest = Math.max(0, ...this.records.map(({ seconds }) => seconds));
    const patience = length === 0 ? quietAtFirstMs : Math.max(quietMs, 1000 * quietEpochs * longest);
    return quiet <= patience ? 'running' : 'stopped';
  }

  #secondsLeft(epochs: number): number | undefined {
    const { records } = this;
    const last = records.slice(-5);
    if (last.length === 0) return undefined;
    return ((epochs - records.length) * last.reduce((sum, { seconds }) => sum + seconds, 0)) / last.length;
  }

  /** Returns the figures that the report chooses: see `headline`. */
  #figures(changed: number, weights: TrainingRecipe['weights']): Pick<RunView, 'figures' | 'split'> {
    if (changed !== this.#evaluation?.changed)
      this.#evaluation = { changed, found: changed === 0 ? undefined : readFigures(this.#run.evaluationFile) };
    const { found } = this.#evaluation;
    if (found !== undefined) return found;
    const last = this.records.findLast(({ evaluation }) => evaluation?.avg);
    const figures = (weights === 'ema' ? last?.averaged : undefined) ?? last?.evaluation?.avg;
    return { figures, split: last?.evaluatedOn ?? 'test' };
  }
}

/** Milliseconds since 1970; 0 for a file that is not there. */
function changeOf(file: string): number {
  return Math.round(statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
}

function readFigures(file: string): Pick<RunView, 'figures' | 'split'> | undefined {
  try {
    const { avg, split } = readJson(file, evaluationSchema);
    const figures = groupFigures(avg);
    return figures && { figures, split };
  } catch {
    return undefined;
  }
}
