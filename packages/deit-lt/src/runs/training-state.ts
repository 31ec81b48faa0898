/**
 * The whole state of a training in one safetensors file: weights, averaged weights, what the task has beside the model,
 * optimizer, random numbers, and where it stands. `last.safetensors` is such a file; `best.safetensors` has weights alone, under timm's names.
 */

import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { passMachineFault } from '../machine-fault.js';
import { requireFinite } from '../models/finite-weights.js';
import { mergedLora } from '../models/lora.js';
import type { Ema } from '../optim/ema.js';
import { partOf } from '../recipe/part.js';
import { requireChecksum } from './checksum.js';
import type { EpochTotals } from './epoch-totals.js';
import { checked, parsedJson } from './read-json.js';
import type { RunConfig } from './run-folder.js';
import { configSchema, epochNumber, optimizerSchema, progressSchema } from './run-schema.js';
import { saveTensors } from './save-tensors.js';

/** The progress of a training. */
export interface Progress {
  readonly epoch: number;
  /** Batches of this epoch that are done. */
  readonly batch: number;
  /** Optimizer updates in all. */
  readonly updates: number;
  /** Sums over the epoch so far; null at its beginning. */
  readonly sums: EpochTotals | null;
  /** Seconds of training so far, without pauses. */
  readonly seconds: number;
  readonly best: { readonly epoch: number; readonly score: number } | null;
  /** How a limit of time has changed the training; absent while it is as in the recipe. */
  readonly pace?: SavedPace | undefined;
  /** The state of early stopping; absent without it, and before its first evaluation. */
  readonly stopping?: SavedStopping | undefined;
}

/** The last epoch whose score rose enough, from 0, with its score, and whether the training has ended. */
export interface SavedStopping {
  readonly epoch: number;
  readonly score: number;
  readonly ended: boolean;
}

/** From batch `from` of a training on, its schedules are at `epoch`, and they end with batch `total`. */
export interface SavedPace {
  readonly from: number;
  readonly epoch: number;
  readonly total: number;
}

/** The state that is saved and restored. */
export interface Trained {
  readonly model: torch.nn.Module<[torch.Tensor], unknown>;
  /** The parts that only training needs. */
  readonly companion?: torch.nn.AnyModule | undefined;
  readonly optimizer: torch.optim.Optimizer<{ lr?: number }>;
  readonly ema: Ema | undefined;
  /** The scale of losses in float16. */
  readonly scaler?: torch.amp.GradScaler | undefined;
  readonly device: string;
}

const format = 'deit-lt state 1';

/** Writes everything to `file`, atomically. Throws UserError RUN_FOLDER when it cannot be written. */
export function saveState(file: string, trained: Trained, progress: Progress, config: RunConfig): void {
  torch.tidy(() => {
    const { model, companion, optimizer, ema, scaler, device } = trained;
    const tensors = new Map<string, torch.Tensor>();
    for (const [name, value] of model.stateDict()) tensors.set(`model.${name}`, value);
    for (const [name, value] of companion?.stateDict() ?? []) tensors.set(`companion.${name}`, value);
    for (const [name, value] of ema?.stateDict().tensors ?? []) tensors.set(`ema.${name}`, value);
    const { state, param_groups } = optimizer.stateDict();
    const numbers: Record<string, Record<string, unknown>> = {};
    for (const [index, entries] of Object.entries(state))
      for (const [key, value] of Object.entries(entries))
        if (value instanceof torch.Tensor) tensors.set(`optimizer.${index}.${key}`, value);
        else numbers[index] = { ...numbers[index], [key]: value };
    tensors.set('random.cpu', torch.getRngState());
    if (device !== 'cpu') tensors.set('random.device', torch.getRngState(device));
    const { epoch, batch } = progress;
    const metadata = {
      format,
      progress: JSON.stringify(progress),
      optimizer: JSON.stringify({ param_groups, numbers }),
      ...(scaler && { scaler: JSON.stringify(scaler.stateDict()) }),
      ...describe(config, batch === 0 ? Math.max(0, epoch - 1) : epoch),
    };
    saveTensors(file, tensors, metadata);
  });
}

/**
 * Restores what `saveState` wrote in the run of `config`. Throws UserError CHECKPOINT when the file is damaged, of another run or model,
 * or has weights with NaN or infinity.
 */
export function loadState(file: string, trained: Trained, config: RunConfig): Progress {
  const { model, companion, optimizer, ema, scaler, device } = trained;
  return reading(file, () =>
    torch.tidy(() => {
      const { tensors, metadata } = readFile(file, format);
      requireOfRun(checked(parsedJson(metadata.config ?? 'null'), configSchema), config);
      requireFinite(new Map([...tensors].filter(([name]) => /^(model|companion|ema)\./.test(name))), file);
      model.loadStateDict(under(tensors, 'model.'));
      companion?.loadStateDict(under(tensors, 'companion.'));
      const saved: Progress = checked(parsedJson(metadata.progress ?? 'null'), progressSchema);
      ema?.loadStateDict({ updates: saved.updates, tensors: under(tensors, 'ema.') });
      const { param_groups, numbers } = checked(parsedJson(metadata.optimizer ?? 'null'), optimizerSchema);
      const state: Record<string, Record<string, unknown>> = structuredClone(numbers);
      for (const [name, value] of under(tensors, 'optimizer.')) {
        const [index, key] = name.split('.') as [string, string];
        state[index] = { ...state[index], [key]: value };
      }
      optimizer.loadStateDict({ state, param_groups });
      if (metadata.scaler !== undefined) scaler?.loadStateDict(checked(parsedJson(metadata.scaler), z.looseObject({})));
      const random = tensors.get('random.cpu');
      if (random === undefined) throw new Error('it has no tensor "random.cpu"');
      torch.setRngState(random);
      if (device !== 'cpu' && tensors.has('random.device')) torch.setRngState(tensors.get('random.device')!, device);
      return saved;
    }),
  );
}

/** Writes weights alone, with what is needed to use them, as `best.safetensors`. Throws UserError RUN_FOLDER. */
export function saveWeights(
  file: string,
  weights: ReadonlyMap<string, torch.Tensor>,
  config: RunConfig,
  epoch: number | null,
): void {
  saveTensors(file, weights, { format: 'deit-lt weights 1', ...describe(config, epoch) });
}

export interface ReadWeightsOptions {
  /** Chooses between averaged and raw weights. Default: as in the recipe. */
  readonly weights?: 'ema' | 'raw' | undefined;
  /** The run that the file must be of. Default: any. */
  readonly run?: RunConfig | undefined;
}

/** Throws Error for a checkpoint that was put into the folder of another run. */
function requireOfRun({ kind, started, tau }: RunConfig, run: RunConfig): void {
  if (run.tau !== undefined && tau === undefined) return; // earlier versions kept the configuration of the normalised run
  if (kind !== run.kind || started !== run.started)
    throw new Error(
      `it is of a ${kind} whose run began ${started || 'at an unknown time'}, and the config.json of its folder is of a ${run.kind} of ${run.started || 'an unknown time'}`,
    );
}

/**
 * Weights by name from either kind of file, and the configuration of the run that made them; `epoch` is null for an imported
 * model whose file did not say it. Throws UserError CHECKPOINT, also for weights that are not finite.
 */
export function readWeights(
  file: string,
  { weights, run }: ReadWeightsOptions = {},
): { tensors: Map<string, torch.Tensor>; config: RunConfig; epoch: number | null } {
  return reading(file, () => {
    const { tensors, metadata } = readFile(file);
    if (metadata.config === undefined) throw new Error('it does not name its model');
    const config: RunConfig = checked(parsedJson(metadata.config), configSchema);
    if (run !== undefined) requireOfRun(config, run);
    const epoch = metadata.epoch === undefined ? null : checked(Number(metadata.epoch), epochNumber);
    if (metadata.format !== format) return finite(file, { tensors, config, epoch });
    const recipe = partOf(config);
    const wanted = weights ?? recipe.weights;
    const chosen = under(tensors, wanted === 'ema' ? 'ema.' : 'model.');
    if (chosen.size === 0) throw new Error('it has no averaged weights, because the recipe has ema: null');
    return finite(file, { tensors: mergedLora(chosen), config, epoch });
  });
}

function finite<W extends { readonly tensors: ReadonlyMap<string, torch.Tensor> }>(file: string, weights: W): W {
  requireFinite(weights.tensors, file);
  return weights;
}

function describe(config: RunConfig, epoch: number | null): Record<string, string> {
  return { config: JSON.stringify(config), ...(epoch !== null && { epoch: String(epoch) }) };
}

function readFile(
  file: string,
  expected?: string,
): { tensors: Map<string, torch.Tensor>; metadata: Record<string, string> } {
  using opened = torch.safetensors.open(file);
  const { metadata } = opened;
  const found = metadata.format ?? 'none';
  if (expected !== undefined ? found !== expected : !found.startsWith('deit-lt '))
    throw new Error(`its format is "${found}", expected "${expected ?? 'deit-lt …'}"`);
  const tensors = new Map(opened.names.map((name) => [name, opened.get(name)]));
  requireChecksum(tensors, metadata);
  return { tensors, metadata: { ...metadata } };
}

function under(tensors: ReadonlyMap<string, torch.Tensor>, prefix: string): Map<string, torch.Tensor> {
  return new Map(
    [...tensors].flatMap(([name, value]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [])),
  );
}

/** Advice about a file that cannot be used. */
export const instead = 'Use another checkpoint, or train again with another --out.';

function reading<R>(file: string, read: () => R): R {
  try {
    return read();
  } catch (error) {
    passMachineFault(error);
    if (error instanceof UserError && error.code === 'PLUGIN')
      throw new UserError('PLUGIN', `${file}: ${error.message}`);
    if (error instanceof UserError) throw error;
    const { message } = error as Error;
    const why = message.startsWith(`${file}: `) ? message.slice(file.length + 2) : message;
    throw new UserError('CHECKPOINT', `${file} cannot be used: ${why}. ${instead}`, { cause: error });
  }
}
