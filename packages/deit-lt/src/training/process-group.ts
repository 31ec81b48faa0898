/** Processes of a training that meet by PyTorch's process groups. */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import { LeaderFailed, type Processes } from './processes.js';

const { distributed } = torch;

/** The result of the work of the first process, as it is sent. */
type Outcome = { readonly value: unknown } | { readonly exitCode: number };

/**
 * Joins the processes of this training, by the variables that torchrun and `--procs` set. Throws `TorchError`
 * (DISTRIBUTED) when they cannot meet within `timeout` seconds; a process that is later than that ends the training, too.
 */
export async function joinProcesses(timeout: number): Promise<Processes & Disposable> {
  await distributed.initProcessGroup({ timeout });
  const [rank, count] = [distributed.getRank(), distributed.getWorldSize()];
  return {
    rank,
    count,
    gather,
    any: (value) => torch.tidy(() => gather(torch.tensor([value ? 1 : 0])).some((one) => one.toNumber() > 0)),
    lead: (work) => (rank === 0 ? leading(work) : following()),
    [Symbol.dispose]: distributed.destroyProcessGroup,
  };
}

/** In the open scope. */
function gather(tensor: torch.Tensor): torch.Tensor[] {
  const all = Array.from({ length: distributed.getWorldSize() }, () => torch.emptyLike(tensor));
  distributed.allGather(all, tensor.contiguous());
  return all;
}

async function leading<T>(work: () => T | Promise<T>): Promise<T> {
  let value: T;
  try {
    value = await work();
  } catch (error) {
    await send({ exitCode: error instanceof UserError ? error.exitCode : 1 });
    throw error;
  }
  await send({ value });
  return value;
}

async function following<T>(): Promise<T> {
  const outcome = await receive();
  if ('exitCode' in outcome) throw new LeaderFailed(outcome.exitCode);
  return outcome.value as T;
}

async function send(outcome: Outcome): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(outcome));
  await shared(torch.tensor([bytes.length], { dtype: 'int64' }));
  await shared(torch.tensor(bytes, { dtype: 'uint8' }));
}

async function receive(): Promise<Outcome> {
  using length = await shared(torch.tensor([0], { dtype: 'int64' }));
  using bytes = await shared(torch.zeros([length.toNumber()], { dtype: 'uint8' }));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes.toArray() as number[]))) as Outcome;
}

/** The tensor of the first process. The others wait without blocking the event loop, so that signals arrive. */
async function shared(tensor: torch.Tensor): Promise<torch.Tensor> {
  await distributed.broadcast(tensor, { src: 0, asyncOp: true }).wait();
  return tensor;
}
