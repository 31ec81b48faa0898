/**
 * Forward and backward passes as captured graphs of a card's kernels (`cudaGraphs`): the CPU then starts a pass by one call instead of some
 * thousand. Each kind of pass runs a few times kernel by kernel, is captured, and is replayed from then on with the batch in the memory that was
 * captured. Clipping, SAM, the optimizer and the average of the weights are not captured: what changes from update to update stays there.
 */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import type { Recipe } from '../recipe/schema.js';
import { type LossParts, learningParameters } from '../tasks/task.js';
import type { CapturablePass, PassRunner } from './capturable-pass.js';
import type { LoopOptions } from './loop-options.js';
import { noteOnce } from './note-once.js';
import { ownShards } from './processes.js';

export interface CapturedPassesOptions {
  readonly device: string;
  readonly parameters: readonly torch.nn.Parameter[];
  /** Only batches of so many images are captured: the last one of an epoch comes once. */
  readonly batchSize: number;
  /** Whether an update has several passes, whose gradients add up. */
  readonly accumulates: boolean;
  /** Called when passes are not captured, with the reason. */
  readonly refused: (reason: string) => void;
}

interface Captured {
  readonly graph: InstanceType<typeof torch.cuda.CUDAGraph>;
  readonly inputs: readonly torch.Tensor[];
  readonly losses: LossParts;
  /** The gradients by parameter; null for one that the pass does not reach. */
  readonly gradients: readonly (torch.Tensor | null)[];
}

/** Passes before a capture: they upload what losses keep on the device, and let cuDNN choose its algorithms. */
const warmUps = 3;

/** Captures passes and replays them. */
export class CapturedPasses implements PassRunner, Disposable {
  readonly #seen = new Map<string, number>();
  readonly #captured = new Map<string, Captured>();
  #isRefused = false;

  constructor(private readonly options: CapturedPassesOptions) {}

  /** Runs `eager`, and reports that the task has no passes that can be captured. */
  refuse(eager: () => LossParts): LossParts {
    this.#refuse('the kernels of its passes are not the same from batch to batch');
    return eager();
  }

  /** Runs a pass: adds to the gradients of the parameters, and returns the losses, which the next pass of the same kernels overwrites. */
  run(pass: CapturablePass): LossParts {
    const { inputs, kernels, eager } = pass;
    if (this.#isRefused || inputs[0]!.size(0) !== this.options.batchSize) return eager();
    const key = [kernels, ...inputs.map(({ shape, dtype }) => `${dtype}[${shape}]`)].join(' ');
    const captured = this.#captured.get(key) ?? this.#warmUp(key, pass);
    if (captured === undefined) return this.#isRefused ? eager() : this.#aside(eager);
    torch.noGrad(() => captured.inputs.forEach((input, i) => void input.copy_(inputs[i]!)));
    captured.graph.replay();
    this.#give(captured.gradients);
    return captured.losses;
  }

  /** Captures a pass that ran often enough; undefined before, and when that fails. */
  #warmUp(key: string, pass: CapturablePass): Captured | undefined {
    const seen = this.#seen.get(key) ?? 0;
    this.#seen.set(key, seen + 1);
    if (seen < warmUps) return undefined;
    try {
      const captured = this.#capture(pass);
      this.#captured.set(key, captured);
      return captured;
    } catch (error) {
      if (!(error instanceof torch.TorchError) || error.code === 'OUT_OF_MEMORY') throw error;
      this.#refuse(error.message);
      return undefined;
    }
  }

  /** Runs `eager` on the stream of captures: what it leaves behind then belongs to that stream, as PyTorch asks for. */
  #aside(eager: () => LossParts): LossParts {
    const { device } = this.options;
    const [side, own] = [torch.cuda.captureStream(device), torch.cuda.currentStream(device)];
    side.waitStream(own);
    const losses = torch.cuda.stream(side, eager);
    own.waitStream(side);
    return losses;
  }

  /** The gradients of the pass are tensors of its own, so parameters have none meanwhile. */
  #capture({ inputs, pass }: CapturablePass): Captured {
    const { device, parameters } = this.options;
    const before = parameters.map(({ grad }) => grad);
    const kept: torch.Tensor[] = [];
    const keep = (tensor: torch.Tensor): torch.Tensor => {
      const own = torch.keep(tensor.detach());
      kept.push(own);
      return own;
    };
    try {
      const fixed = torch.noGrad(() => inputs.map((input) => keep(input.clone())));
      for (const parameter of parameters) parameter.grad = null;
      const graph = new torch.cuda.CUDAGraph(device);
      const losses = torch.cuda.graph(graph, () =>
        torch.tidy(() => {
          const { loss, parts } = pass(fixed);
          const named = Object.entries(parts).map(([name, part]) => [name, keep(part)] as const);
          return { loss: keep(loss), parts: Object.fromEntries(named) };
        }),
      );
      const gradients = parameters.map(({ grad }) => (grad === null ? null : keep(grad)));
      return { graph, inputs: fixed, losses, gradients };
    } catch (error) {
      for (const tensor of kept) tensor.dispose();
      throw error;
    } finally {
      parameters.forEach((parameter, i) => {
        parameter.grad = before[i]!;
      });
    }
  }

  /** The next replay overwrites the gradients, so those that are added to are copies. */
  #give(gradients: Captured['gradients']): void {
    const { parameters, accumulates } = this.options;
    torch.tidy(() =>
      torch.noGrad(() =>
        gradients.forEach((gradient, i) => {
          if (gradient === null) return;
          const parameter = parameters[i]!;
          if (parameter.grad !== null) parameter.grad.add_(gradient);
          else parameter.grad = accumulates ? gradient.clone() : gradient;
        }),
      ),
    );
  }

  #refuse(reason: string): void {
    if (this.#isRefused) return;
    this.#isRefused = true;
    this.options.refused(reason);
  }

  [Symbol.dispose](): void {
    for (const { graph, inputs, losses, gradients } of this.#captured.values()) {
      const tensors = [...inputs, losses.loss, ...Object.values(losses.parts), ...gradients];
      for (const tensor of tensors) tensor?.dispose();
      graph.reset();
    }
    this.#captured.clear();
  }
}

/** Throws UserError RECIPE for a recipe with `cudaGraphs: true` where nothing can be captured. */
export function requireCaptures(
  { cudaGraphs }: Pick<Recipe, 'cudaGraphs'>,
  place: Pick<LoopOptions, 'placement' | 'processes'>,
): void {
  const reason = cudaGraphs === true ? impossible(place) : undefined;
  if (reason !== undefined) throw notCaptured('passes', reason);
}

function notCaptured(passes: string, reason: string): UserError {
  return new UserError(
    'RECIPE',
    `cudaGraphs is true, but ${passes} cannot be captured: ${reason}. Use --set cudaGraphs=auto or false.`,
  );
}

/**
 * Returns the captured passes of a training, undefined where the recipe wants none. What cannot be captured is an error with `true`, and is
 * noted with `auto`: now, or at the first pass.
 */
export function capturedPasses(
  options: Pick<LoopOptions, 'task' | 'recipe' | 'placement' | 'processes' | 'reporter' | 'cudaGraphs'>,
): CapturedPasses | undefined {
  const { task, recipe, placement, processes, reporter, cudaGraphs = false } = options;
  if (cudaGraphs === false || (cudaGraphs === 'auto' && placement.device === 'cpu')) return undefined;
  const refused = (reason: string): void => {
    if (cudaGraphs === true) throw notCaptured(`the passes of the ${task.kind}`, reason);
    noteOnce(reporter, `cudaGraphs: the passes of the ${task.kind} run kernel by kernel: ${reason}`);
  };
  const reason = impossible(options);
  if (reason !== undefined) {
    refused(reason);
    return undefined;
  }
  return new CapturedPasses({
    device: placement.device,
    parameters: learningParameters(task).map(([, parameter]) => parameter),
    batchSize: recipe.batchSize,
    accumulates: recipe.accumulation * ownShards(recipe.shards, processes).length > 1,
    refused,
  });
}

/** Returns why nothing can be captured; undefined where it can. */
function impossible({ placement, processes }: Pick<LoopOptions, 'placement' | 'processes'>): string | undefined {
  if (placement.device === 'cpu') return 'this training runs on the processor';
  if (processes.count > 1) return 'it has several processes';
  if (placement.precision === 'float16') return 'the scale of losses in float16 changes';
  try {
    new torch.cuda.CUDAGraph(placement.device).reset();
    return undefined;
  } catch (error) {
    if (error instanceof torch.TorchError) return error.message;
    throw error;
  }
}
