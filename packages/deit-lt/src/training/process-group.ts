/** Processes of a training that meet by PyTorch's process groups. */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import { orderedSum } from './ordered-sum.js';
import { LeaderFailed, type Processes } from './processes.js';
import { requireSameVersions } from './same-processes.js';

const { distributed } = torch;
const { aten } = torch.ops;

/** The result of the work of the first process, as it is sent. */
type Outcome = { readonly value: unknown } | { readonly exitCode: number };

/**
 * Joins the processes of this training, by the variables that torchrun and `--procs` set. Throws `TorchError`
 * (DISTRIBUTED) when they cannot meet within `timeout` seconds; a process that is later than that ends the training, too. Throws
 * UserError USAGE for processes of different versions.
 */
export async function joinProcesses(
  timeout: number,
  { bucketBytes }: Pick<Processes, 'bucketBytes'> = {},
): Promise<Processes & Disposable> {
  const card = ownCard();
  const backend = typeof card === 'number' ? 'cpu:gloo,cuda:nccl' : 'gloo';
  await distributed.initProcessGroup({ timeout, backend });
  const [rank, count] = [distributed.getRank(), distributed.getWorldSize()];
  const processes: Processes & Disposable = {
    rank,
    count,
    local: distributed.getLocalRank(),
    card,
    addRows,
    bucketBytes,
    addDuringBackward,
    meet: () => distributed.barrier({ asyncOp: true }).wait(),
    gather,
    spread: (tensors) => torch.tidy(() => torch.noGrad(() => spread(tensors))),
    exchange: (value) => torch.tidy(() => exchange(value)),
    any: (value) => torch.tidy(() => gather(torch.tensor([value ? 1 : 0])).some((one) => one.toNumber() > 0)),
    lead: (work) => (rank === 0 ? leading(work) : following()),
    [Symbol.dispose]: distributed.destroyProcessGroup,
  };
  requireSameVersions(processes);
  return processes;
}

/** The card of this process: as many are needed as there are processes on its machine. */
function ownCard(): Processes['card'] {
  const [cards, local] = [torch.cuda.deviceCount(), distributed.getLocalRank()];
  if (cards === 0) return { reason: 'this libtorch finds no CUDA device' };
  const reason = torch.diagnose().distributed.nccl;
  if (reason !== null) return { reason: `this libtorch has no NCCL: ${reason}` };
  if (local >= cards) return { reason: `its machine has ${cards} ${cards === 1 ? 'card' : 'cards'}` };
  return local;
}

/**
 * Each process adds one part of the rows of all in their order, and sends it to the others. So a process receives about twice the bytes of a
 * row, as in a ring that reduces, however many processes there are. In the open scope.
 */
function addRows(rows: torch.Tensor): torch.Tensor {
  const count = distributed.getWorldSize();
  const [shards = 0, numel = 0] = rows.shape;
  const parts = rows
    .view([shards, count, numel / count])
    .transpose(0, 1)
    .contiguous(); // [count, shards, numel / count]
  const received = torch.emptyLike(parts);
  distributed.allToAllSingle(received, parts);
  const sum = orderedSum(received.view([count * shards, numel / count]));
  const all = Array.from({ length: count }, () => torch.emptyLike(sum));
  distributed.allGather(all, sum);
  return torch.cat(all);
}

/** As `addRows`, for each bucket when it has come. */
function addDuringBackward(options: torch.distributed.BackwardExchangeOptions): () => torch.Tensor {
  const exchange = distributed.exchangeDuringBackward(options);
  return () => {
    const sums = exchange.finish().map(({ received, work }) => {
      work.finish();
      const [processes = 0, shards = 0, numel = 0] = received.shape;
      const sum = orderedSum(received.view([processes * shards, numel]));
      const all = Array.from({ length: processes }, () => torch.emptyLike(sum));
      return { all, sent: distributed.allGather(all, sum, { asyncOp: true }) };
    });
    for (const { sent } of sums) sent.finish();
    return torch.cat(sums.flatMap(({ all }) => all));
  };
}

/** The dtypes that Gloo sends in all versions; others travel as bytes. */
const sendable: readonly torch.DType[] = ['float32', 'float64', 'int32', 'int64', 'uint8'];

/** In the open scope. */
function gather(tensor: torch.Tensor): torch.Tensor[] {
  const sent = sendable.includes(tensor.dtype) ? tensor.contiguous() : aten.view.dtype(tensor.flatten(), 'uint8');
  const all = Array.from({ length: distributed.getWorldSize() }, () =>
    torch.empty(sent.shape, { dtype: sent.dtype, device: sent.device }),
  );
  distributed.allGather(all, sent);
  if (sent.dtype === tensor.dtype) return all;
  return all.map((bytes) => aten.view.dtype(bytes, tensor.dtype).view(tensor.shape));
}

/** Sends the tensors of each dtype together. */
function spread(tensors: readonly torch.Tensor[]): void {
  for (const dtype of new Set(tensors.map((tensor) => tensor.dtype))) {
    const same = tensors.filter((tensor) => tensor.dtype === dtype);
    const flat = torch.cat(
      same.map((tensor) => tensor.reshape([-1])),
      0,
    );
    distributed.broadcast(sendable.includes(dtype) ? flat : aten.view.dtype(flat, 'uint8'), { src: 0 });
    if (distributed.getRank() === 0) continue;
    let at = 0;
    for (const tensor of same) {
      tensor.copy_(flat.narrow(0, at, tensor.numel()).view(tensor.shape));
      at += tensor.numel();
    }
  }
}

function exchange<T>(value: T): T[] {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const lengths = gather(torch.tensor([bytes.length], { dtype: 'int64' })).map((length) => length.toNumber());
  const padded = new Uint8Array(Math.max(...lengths));
  padded.set(bytes);
  const all = gather(torch.tensor(padded, { dtype: 'uint8' }));
  return all.map((each, rank) => {
    const text = Uint8Array.from(each.toArray() as number[]).subarray(0, lengths[rank]);
    return JSON.parse(new TextDecoder().decode(text)) as T;
  });
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
