// What the API page says besides the doc comments: its order, the introductions, and what to do about each error.

/** @typedef {import('../../../scripts/api-page/describe-package.mjs').Section} Section */

export const preface = `# API of @deit-lt/torch

\`import * as torch from '@deit-lt/torch'\`. Importing loads no libtorch; the first call that needs it does. How to install,
a first program and the rule of who releases memory are in the [README](../packages/torch/README.md).

How to read this page:

- Names are PyTorch's in camelCase, and mean what they mean there. A trailing underscore changes the tensor in place.
- Options are one object at the end; all of its fields may be left out where the parameter has a \`?\`. \`undefined\` counts as left out;
  a name that is not among them throws \`TorchError\` (\`ARGUMENT\`), and so does another value in the object's place.
- Wherever a function takes a tensor, it throws \`TorchError\` for one that was released (\`DISPOSED\`) and for shapes, dtypes
  and devices that do not go together; only other reasons are named here. [Errors](#errors) lists every code.
- \`Tensor\`, \`Parameter\`, \`Scope\`, \`nn.Module\`, \`Optimizer\` and \`SafetensorsFile\` have \`[Symbol.dispose]()\`, for \`using\`.
- Types that signatures name stand below the first signature that names them.`;

/** @type {Section[]} */
export const sections = [
  {
    title: 'Making tensors',
    intro: `Without \`dtype\`, numbers become float32. Without \`device\`, tensors are on the CPU.`,
    of: [
      ['torch', 'tensor/create'],
      ['torch', 'tensor/from-data'],
    ],
  },
  {
    title: 'Tensor',
    intro: `Here are the methods written by hand; [the generated ones](#generated-functions-and-methods) come on top. A tensor is
iterable (\`for (const row of t)\`: views along the first dimension), goes into \`JSON.stringify\` as its values, and where JavaScript
asks for a number (\`+loss\`, \`t < 3\`) gives its only element or throws.`,
    of: [
      ['torch', 'tensor/tensor'],
      ['torch', 'tensor/values'],
    ],
    parts: [
      { title: 'Element types', of: [['torch', 'tensor/dtype']] },
      {
        title: 'Indexing',
        intro: `\`t.index(…)\` and \`t.indexPut_([…], value)\` take what Python writes between brackets:

| PyTorch | here |
| --- | --- |
| \`t[0]\`, \`t[-1]\` | \`t.index(0)\`, \`t.index(-1)\` |
| \`t[1:3]\`, \`t[:, ::2]\` | \`t.index('1:3')\`, \`t.index(':', '::2')\`, or \`torch.slice(1, 3)\` in place of a string |
| \`t[..., None]\` | \`t.index('...', null)\` |
| \`t[[0, 2]]\` | \`t.index([0, 2])\` |
| \`t[mask]\`, \`t[rows, columns]\` | \`t.index(mask)\`, \`t.index(rows, columns)\` |
| \`t[0] = 1\`, \`t[mask] += x\` | \`t.indexPut_([0], 1)\`, \`t.indexPut_([mask], x, { accumulate: true })\` |

Numbers, slices, \`'...'\` and null give a view that shares memory; arrays, masks and index tensors give a copy. Negative steps
throw, as in PyTorch. Unlike PyTorch's \`+=\`, \`accumulate\` adds every time where an element is named twice.`,
        of: [['torch', 'tensor/indexing']],
      },
      { title: 'Printing', of: [['torch', 'tensor/format-options']] },
    ],
  },
  {
    title: 'Generated functions and methods',
    intro: `{functions} functions (\`torch.add(a, b)\`) and {methods} methods (\`a.add(b)\`) are made from libtorch's own schemas:
one for every operator of \`aten\` whose name PyTorch has in \`torch\` or on \`torch.Tensor\`, but for those written by hand. They
are not listed here; these rules find them:

- The name is PyTorch's in camelCase: \`index_select\` is \`indexSelect\`, \`clamp_min_\` is \`clampMin_\`. Each doc comment links to PyTorch's page.
- Positional arguments are in PyTorch's order. From the first one with a default on, they may also be given by name in a
  last object, together with keyword-only ones: \`t.sum(1, { keepdim: true })\`, \`t.add(u, { alpha: 2 })\`, \`torch.std(t, { dim: [0], unbiased: false })\`.
- Of several overloads the first that the arguments fit is called. When none does, the error lists them all.
- A list of sizes or dimensions that is the only argument may be given number by number: \`t.view(2, 3)\`, \`t.permute(1, 0)\`.
- Several results come as an array: \`const [values, indices] = t.max(1)\`.

They are in \`src/functions.generated.ts\` and \`src/tensor/methods.generated.ts\`.`,
  },
  {
    title: 'Every operator by name',
    intro: `The table of types has the {operators} names in \`aten\` of libtorch 1.13; a newer libtorch's further operators are called in
the same way, with untyped arguments. \`torch.ops.aten.add.Tensor(a, b)\` calls one overload, the overload of the empty name is
\`default\`, and \`torch.ops.aten.add(a, b)\` chooses by the arguments. Printing one, \`console.log(torch.ops.aten.add)\`, shows
its overloads. A name that this libtorch does not have throws \`TorchError\` (\`NO_SUCH_OPERATOR\`) with the nearest one.

Some operators do not check their arguments: wrong ones end the process, or read and write memory that is not theirs, in Python as
well. \`torch.ops.aten\` refuses them with \`TorchError\` (\`UNSAFE\`), and \`torch.ops.unsafe.aten\` calls them, as in
\`torch.ops.unsafe.aten.convolution_backward.default(…)\`. They are those whose name has *unsafe* or *backward* in it, begins with an
underscore (but for \`_foreach_…\` and a few that are checked, such as \`_softmax\`) or with the name of a backend (\`mkldnn_\`, \`cudnn_\`,
\`miopen_\`, \`mps_\`, \`fbgemm_\`, \`quantized_\`, \`xnnpack_\`), the single steps of convolutions (\`thnn_conv2d\`, \`slow_conv3d\`, …),
and all operators of other namespaces: \`torch.ops.unsafe.quantized.linear\`. Where a checked operator of libtorch's is known to end
the process on some arguments, this package checks them first.`,
    of: [
      ['torch', 'ops'],
      ['torch', 'binding/codec'],
    ],
  },
  {
    title: 'Memory',
    intro: `The rule, with good and bad pairs: [README, "Who releases memory"](../packages/torch/README.md#who-releases-memory).`,
    of: [
      ['torch', 'tensor/scope'],
      ['torch', 'tensor/base'],
    ],
  },
  {
    title: 'Gradients and modes',
    intro: `\`tensor.backward()\` is a method of [Tensor](#tensor). Functions that take a \`body\` take a synchronous one and throw
\`TorchError\` (\`ARGUMENT\`) when it returns a promise.`,
    of: [
      ['torch', 'autograd/modes'],
      ['torch.autograd', 'autograd/backward'],
      ['torch.amp', 'amp/grad-scaler'],
    ],
  },
  {
    title: 'Random numbers',
    intro: `The streams are PyTorch's: after \`manualSeed(0)\`, \`randn\` gives the numbers that Python gives.`,
    of: [['torch', 'random']],
  },
  {
    title: 'Devices and threads',
    of: [
      ['torch', 'devices'],
      ['torch', 'cuda-graph'],
      ['torch', 'backends'],
      ['torch', 'binding/environment'],
    ],
  },
  {
    title: 'distributed',
    intro: `Several processes that compute together, on one machine or on many: PyTorch's process groups with Gloo, on CPU tensors. Each
process joins with \`await torch.distributed.initProcessGroup()\`; processes in Python may be among them. \`torchrun\` starts programs
for Node as well:

\`\`\`sh
torchrun --no-python --nproc-per-node 2 node sum.mjs
\`\`\`

\`\`\`js
import * as torch from '@deit-lt/torch';

await torch.distributed.initProcessGroup();
const x = torch.ones([3]).mul(torch.distributed.getRank() + 1);
torch.distributed.allReduce(x); // 1 + 2 = 3 on both
torch.distributed.destroyProcessGroup();
\`\`\`

As in PyTorch, a process whose tensors have another shape or dtype than those of the others ends without an error that can be
caught. When one process ends, the others throw at once; when one hangs, they throw after \`timeout\`. \`GLOO_SOCKET_IFNAME\` names the
network interface, where that of the machine's host name is not the right one. A libtorch without Gloo has no process groups;
\`npx deit-torch-doctor\` then says why.`,
    of: [['torch.distributed', 'distributed/']],
  },
  {
    title: 'nn',
    intro: `Modules, and their functions and initialisers. Layers take \`dtype\` and \`device\` among their options.`,
    parts: [
      {
        title: 'Module and Parameter',
        of: [
          ['torch.nn', 'nn/module'],
          ['torch.nn', 'nn/convert'],
          ['torch.nn', 'nn/state-dict'],
          ['torch.nn', 'nn/parameter'],
          ['torch.nn', 'nn/containers'],
        ],
      },
      {
        title: 'Layers',
        intro: `Each is called with \`layer.call(input)\`; \`resetParameters()\` initialises a layer's parameters again.`,
        of: [
          ['torch.nn', 'nn/linear'],
          ['torch.nn', 'nn/placement'],
          ['torch.nn', 'nn/conv'],
          ['torch.nn', 'nn/batch-norm'],
          ['torch.nn', 'nn/layer-norm'],
          ['torch.nn', 'nn/embedding'],
          ['torch.nn', 'nn/dropout'],
          ['torch.nn', 'nn/pooling'],
          ['torch.nn', 'nn/activation'],
          ['torch.nn', 'nn/flatten'],
        ],
      },
      { title: 'Losses', intro: `Called with \`loss.call(input, target)\`.`, of: [['torch.nn', 'nn/losses']] },
      {
        title: 'nn.functional',
        of: [
          ['torch.nn.functional', 'nn/functional/linear'],
          ['torch.nn.functional', 'nn/functional/shared'],
          ['torch.nn.functional', 'nn/functional/conv'],
          ['torch.nn.functional', 'nn/functional/attention'],
          ['torch.nn.functional', 'nn/functional/activation'],
          ['torch.nn.functional', 'nn/functional/normalization'],
          ['torch.nn.functional', 'nn/functional/pooling'],
          ['torch.nn.functional', 'nn/functional/resize'],
          ['torch.nn.functional', 'nn/functional/dropout'],
          ['torch.nn.functional', 'nn/functional/losses'],
        ],
      },
      {
        title: 'nn.parallel',
        intro: `A network in several processes ([distributed](#distributed)):

\`\`\`js
const model = new torch.nn.parallel.DistributedDataParallel(net);
model.noSync(() => lossOf(model.call(first)).backward()); // gradients stay here
lossOf(model.call(second)).backward(); // both gradients, averaged over all processes
optimizer.step();
\`\`\``,
        of: [['torch.nn.parallel', 'nn/parallel']],
      },
      {
        title: 'nn.init',
        intro: `Each changes its tensor in place, without recording it for gradients, and returns it. They draw the numbers that
PyTorch's draw, in the same order.`,
        of: [['torch.nn.init', 'nn/init']],
      },
    ],
  },
  {
    title: 'optim',
    intro: `Optimizers take \`model.parameters()\`, or groups with options of their own: \`[{ params, lr: 1e-4 }, …]\`.`,
    of: [
      ['torch.optim', 'optim/sgd'],
      ['torch.optim', 'optim/adam'],
      ['torch.optim', 'optim/adamw'],
      ['torch.optim', 'optim/lamb', 'optim/muon'],
      ['torch.optim', 'optim/muon'],
      ['torch.optim', 'optim/optimizer'],
      ['torch.optim', 'optim/parameter-group'],
      ['torch.optim', 'optim/state-dict'],
    ],
    parts: [
      { title: 'Limits on gradients', of: [['torch.optim', 'optim/clip']] },
      {
        title: 'optim.schedules',
        intro: `Pure functions from time to a learning rate. Time \`t\` counts epochs or steps from 0, whole or fractional, and all
lengths are in the same unit: \`for (const group of optimizer.paramGroups) group.lr = cosine(epoch, { lr: 5e-4, total: 300 })\`.
Each throws \`TorchError\` (\`ARGUMENT\`) for a number out of its range.`,
        of: [['torch.optim.schedules', 'optim/schedules']],
      },
    ],
  },
  {
    title: 'safetensors',
    intro: `All functions throw [\`SafetensorsError\`](#safetensorserror) for a file that is not valid, cannot be read or cannot be written.`,
    of: [
      ['torch.safetensors', 'safetensors/load'],
      ['torch.safetensors', 'safetensors/materialize'],
      ['torch.safetensors', 'safetensors/save'],
      ['torch.safetensors', 'safetensors/file'],
      ['torch.safetensors', 'safetensors/dtypes'],
    ],
  },
  {
    title: 'Doctor',
    intro: `What \`npx deit-torch-doctor\` prints, as functions. \`npx deit-torch-doctor --json\` prints the object.`,
    of: [['torch', 'doctor']],
  },
  {
    title: 'Errors',
    intro: `Every error that a caller can cause is one of the classes below, with a \`code\` to tell them apart. A message names the
operator, file or option, what was expected and what was given; messages of operators end with the shapes of the tensors. One that
begins with \`internal:\` is a mistake of this package: please report it.`,
    of: [
      ['torch', 'errors'],
      ['torch.safetensors', 'safetensors/error'],
    ],
  },
];

/** By class and code: the cause, and what to do. @type {Record<string, Record<string, [cause: string, next: string]>>} */
export const errorCodes = {
  TorchError: {
    ARGUMENT: [
      'An argument has the wrong type or value, is missing, unknown or given twice, or fits no overload; or an option of a layer, optimizer or schedule is out of its range.',
      'Compare the call with the signature in the message, or with this page. The nearest name is in the message when one is near.',
    ],
    OPERATOR: [
      "libtorch refused: shapes, dtypes or devices that do not go together, an operator that this device or dtype does not have, a backward pass without a graph. The message is PyTorch's, with the shapes of the tensors.",
      'Look at the shapes; the same call in Python fails with the same words. `backward()` without a graph: was it made inside `noGrad`, or gone through before?',
    ],
    OUT_OF_MEMORY: [
      'The CPU or the CUDA device has no room for a tensor.',
      'Use smaller batches, or bfloat16 by `torch.autocast`; put `torch.tidy` around work that keeps its intermediate tensors; run code that needs no gradient in `torch.noGrad`. `torch.cpu.memoryStats()` and `torch.cuda.memoryStats()` show what is held.',
    ],
    NO_SUCH_OPERATOR: [
      'This libtorch has no operator or no overload of that name.',
      'Take the name that the message suggests, or a libtorch that has it (`npx deit-torch-doctor` prints its version).',
    ],
    DISPOSED: [
      'A tensor was used after `dispose()` or after the end of the scope that it was made in. The message names the operator that made it.',
      'Return it from `tidy()`, or `keep()` it. `torch.traceOrigins(true)` adds the line that made it to the message.',
    ],
    DEVICE: [
      'The device does not exist, or this libtorch was built without support for it.',
      '`npx deit-torch-doctor` prints the devices. For CUDA, install a libtorch that has it and run `npx deit-torch-setup`.',
    ],
    UNSAFE: [
      'The operator does not check its arguments, so that wrong ones can end the process; the message has the reason. [Every operator by name](#every-operator-by-name) says which these are.',
      'Call the public operator that does the same (`conv3d`, not `slow_conv3d`; `backward()`, not a formula of it). If the arguments are right for certain: `torch.ops.unsafe`.',
    ],
    DISTRIBUTED: [
      'The processes cannot meet (a variable of torchrun is missing or wrong, no route, a taken port), there is no process group, or another process has left or is late. The message has the rank, and the message of PyTorch at its end.',
      'Correct the variable or option that the message names. Where another process has left, its own output has the first error.',
    ],
    STATE_DICT: [
      'A state dict does not fit its module or optimizer. The message lists everything that is missing, unexpected or of another shape; nothing was changed.',
      'Make the model with the options that it was saved with, rename the entries, or load with `{ strict: false }` (modules only).',
    ],
  },
  BridgeError: {
    BRIDGE_NOT_BUILT: ['The addon was not built on this machine.', '`npx deit-torch-setup`'],
    BRIDGE_NOT_LOADED: [
      'The addon does not load: libtorch has moved, changed or lacks a library, or this process has loaded another libtorch (through a second copy of the package). The message has the cause and both paths.',
      '`npx deit-torch-setup`, which looks for libtorch again; `npm dedupe` where there are two copies',
    ],
  },
  SafetensorsError: {
    ARGUMENT: ['', 'Correct the call; nothing was read or written.'],
    IO: ['', 'The message has the reason of the file system. A failed `save` leaves the old file as it was.'],
    CLOSED: ['', 'Read before `close()`, or before the block of `using file` ends.'],
    NO_SUCH_TENSOR: ['', 'Take the name that the message suggests; `file.names` has all of them.'],
    OUT_OF_MEMORY: [
      '',
      'Load single tensors with `names`, or `open` and `get`; write with `save` instead of `serialize`.',
    ],
    TRUNCATED: ['', 'Download or copy the file again: its end is missing.'],
    TRAILING: ['', 'Download or write the file again.'],
    HEADER_LENGTH: ['', 'Is it a safetensors file? A PyTorch `.pt` or `.bin` file is not.'],
    HEADER_TEXT: ['', 'The file is damaged or no safetensors file: download or write it again.'],
    HEADER_JSON: ['', 'The file is damaged or no safetensors file: download or write it again.'],
    FIELD: ['', "Write the file again with the format's reference library."],
    METADATA: ['', 'Give `save` strings: `{ metadata: { epoch: String(epoch) } }`.'],
    DUPLICATE: ['', 'Write the file again: which of the two is meant cannot be known.'],
    DTYPE: ['', 'Write the file again with an element type of the format; the message lists them.'],
    DTYPE_UNSUPPORTED: ['', 'Convert the tensor where the file comes from, or leave it out with `names`.'],
    SHAPE: ['', "Write the file again with the format's reference library."],
    OFFSETS: ['', "Write the file again with the format's reference library."],
    SIZE: ['', "Write the file again with the format's reference library."],
  },
  SetupError: {
    LIBTORCH: ['`LIBTORCH` is set but is not a folder of a libtorch 1.13 or newer.', 'Correct `LIBTORCH` or unset it.'],
    NO_PYTHON: ['`setup:torch` found no `python3`.', 'Install Python 3.10 or newer.'],
    NO_HOME: ['`setup:torch` found no home folder for the installation.', 'Set `DEIT_LT_CACHE` to a folder.'],
    SPACE: ['The disk is too full for PyTorch.', 'Free as much as the message says, or set `DEIT_LT_CACHE`.'],
    PIP: ['pip or the venv module failed; the message has its last lines.', 'Fix what they say, then run it again.'],
    NO_LIBTORCH: [
      'No libtorch was found, or only older ones.',
      'Type the commands that the message has for this system.',
    ],
    NO_COMPILER: [
      'No C++ compiler was found, or `CXX` names none.',
      'Type the command in the message, or correct `CXX`.',
    ],
    NODE_HEADERS: ['The headers that the addon is compiled with are not installed.', '`npm install`'],
    APT: ['`apt-get` failed; the message has its last lines.', 'Fix the cause, then run the set-up again.'],
    COMPILE: [
      'The compiler failed; the message has its first errors and the command.',
      'Run the command by itself; report what it says.',
    ],
    LOAD: [
      'The addon was compiled and does not load; the message has the reason.',
      'Usually a library of libtorch is missing: the reason names it.',
    ],
    PYTHON_TORCH: [
      '`PYTHON_TORCH` names no Python with torch and numpy (tests and benchmarks only).',
      'Correct `PYTHON_TORCH` or unset it.',
    ],
    USAGE: ['`deit-torch-setup` has no such option.', '`npx deit-torch-setup --help`'],
  },
};
