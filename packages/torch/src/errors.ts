/** The errors that this package throws, by kind; each has a `code` to tell them apart. */

/** The native bridge is missing or does not load; the message says what to type. */
export class BridgeError extends Error {
  override name = 'BridgeError';
  constructor(
    readonly code: 'BRIDGE_NOT_BUILT' | 'BRIDGE_NOT_LOADED',
    message: string,
  ) {
    super(message);
  }
}

/** An operator does not exist, was called with unfit arguments, or failed. */
export class TorchError extends Error {
  override name = 'TorchError';
  constructor(
    readonly code:
      | 'ARGUMENT'
      | 'OPERATOR'
      | 'OUT_OF_MEMORY'
      | 'NO_SUCH_OPERATOR'
      | 'DISPOSED'
      | 'DEVICE'
      | 'STATE_DICT'
      | 'UNSAFE'
      | 'DISTRIBUTED',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Marks the tensors of this copy of the package: a process may have several (a duplicate dependency), each with its own. */
export const ownTensor = Symbol('tensor of this copy');

/** `got …` for an error message: a short description of any JavaScript value, also of one that throws when it is read. */
export function describeValue(value: unknown): string {
  try {
    return describeReadable(value);
  } catch {
    return 'an object that throws when it is read';
  }
}

function describeReadable(value: unknown): string {
  if (typeof value === 'string') return `the string ${JSON.stringify(clipped(value))}`;
  if (typeof value === 'bigint')
    return BigInt.asIntN(128, value) === value ? `${value}n` : 'a BigInt of more than 128 bits';
  if (value === null || typeof value !== 'object')
    return typeof value === 'function' ? 'a function' : clipped(String(value));
  if (Array.isArray(value))
    return value.length > 6 ? `an array of ${value.length}` : `[${Array.from(value, describeItem).join(', ')}]`;
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  if ((name === 'Tensor' || name === 'Parameter') && !(ownTensor in value))
    return `a ${name} of another copy of @deit-lt/torch`;
  return typeof name === 'string' && name !== 'Object' && name !== '' ? `a ${clipped(name)}` : 'an object';
}

function describeItem(value: unknown): string {
  return Array.isArray(value) ? 'an array' : describeValue(value);
}

/** Names and strings that come from outside may be of any length; messages are not. */
export function clipped(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/**
 * Converts a failure of the native side: libtorch's message without its C++ internals, prefixed with
 * `where` and followed by `details`, and a code for its kind.
 */
export function nativeError(error: unknown, where: string, details = ''): TorchError {
  if (error instanceof TorchError) return error;
  const full = error instanceof Error ? error.message : String(error);
  const absent = absentDevice(full);
  if (absent)
    return new TorchError('DEVICE', `${where}: this libtorch has no support for ${absent} devices${details}`, {
      cause: error,
    });
  const unusable = noGpu.exec(full)?.[0];
  if (unusable)
    return new TorchError('DEVICE', `${where}: libtorch has CUDA, but no GPU that it can use: ${unusable}${details}`, {
      cause: error,
    });
  const outOfMemory =
    (error as { code?: unknown } | null)?.code === 'OUT_OF_MEMORY' || /can't allocate memory|out of memory/i.test(full);
  return new TorchError(outOfMemory ? 'OUT_OF_MEMORY' : 'OPERATOR', `${where}: ${withoutInternals(full)}${details}`, {
    cause: error,
  });
}

/** The ways in which libtorch says that it was built without a device type. Every one it has can make an empty tensor. */
const absences = [
  /not linked with support for (\w+) devices/,
  /without ATen_(\w+) library/,
  /Could not run 'aten::empty\w*(?:\.\w+)?' with arguments from the '(?:Sparse|SparseCsr|Quantized)?([A-Z]\w+)' backend/,
  /^(\w+) device type not enabled/,
];

/** Messages of a libtorch with CUDA on a machine without a GPU, without its driver, or with one that is too old. */
const noGpu =
  /No CUDA GPUs are available|no CUDA-capable device is detected|Found no NVIDIA driver|CUDA driver version is insufficient|NVIDIA driver on your system is too old/;

function absentDevice(message: string): string | undefined {
  for (const pattern of absences) {
    const device = pattern.exec(message)?.[1];
    if (device !== undefined) return device.toLowerCase();
  }
  return undefined;
}

/** Cuts the advice for Facebook's phones, the table of every kernel's source line, a C++ backtrace, and what a caller's text of any length brings. */
function withoutInternals(message: string): string {
  const shown = message.length > 4000 ? `${message.slice(0, 2000)}…` : message;
  return shown
    .replace(/\n\s*Exception raised from [\s\S]*$/, '')
    .replace(/\n\n\w+: (?:fallthrough )?registered at [\s\S]*$/, '')
    .replace(/ This could be because the operator doesn't exist for this backend[\s\S]*?possible resolutions\./, '')
    .replace(/, BackendSelect[^\]]*\]/, ']')
    .trim();
}

/**
 * Converts an error of reading the caller's values: our own errors unchanged, others (from getters and Proxies) as the
 * cause of one.
 */
export function unreadable(error: unknown, where: string): TorchError {
  try {
    if (error instanceof TorchError) return error;
    return new TorchError('ARGUMENT', `${where}: an argument threw when it was read: ${clipped(String(error))}`, {
      cause: error,
    });
  } catch {
    return new TorchError('ARGUMENT', `${where}: an argument threw when it was read`);
  }
}

/** The known name nearest to `name`, for "did you mean"; undefined when none is near. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > 64) return undefined; // no name is as long, and the distance costs the product of the lengths
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
