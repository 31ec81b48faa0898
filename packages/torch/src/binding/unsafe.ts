/**
 * Finds the operators that do not check their arguments. Wrong arguments end the process there, or read memory that is
 * not theirs, in Python as well. `torch.ops` refuses them; `torch.ops.unsafe` runs them. The package itself calls
 * operators through binding/operator.ts, which asks for no permission, and autograd calls its formulas inside of
 * libtorch.
 */

interface Rule {
  readonly names: RegExp;
  readonly reason: string;
}

/** Rules on the form of a name, for all versions of libtorch: newer ones have more operators of each kind. */
const rules: readonly Rule[] = [
  { names: /unsafe/, reason: 'its name says that it leaves out checks' },
  {
    names: /backward|_jvp$|^get_gradients$/,
    reason: 'it is a formula of autograd, which trusts that its arguments are what the forward operator saved',
  },
  {
    names: /^_(?!_\w+__$|foreach_)/,
    reason:
      "its name begins with an underscore, PyTorch's sign of an internal step whose caller has checked the arguments",
  },
  {
    names: /^(mkldnn|cudnn|miopen|mps|fbgemm|quantized|xnnpack)_/,
    reason: 'it is written for one backend, and trusts that the caller has packed and checked what that backend takes',
  },
];

/** Internal by their underscore, but widely called, and checked as public ones are. */
const checked = new Set(['_softmax', '_log_softmax', '_to_copy', '_shape_as_tensor', '_conj', '_neg_view', '_version']);

const convolutionStep =
  'it is one step of a convolution, which trusts the sizes that `convolution` has checked before it; call that one';

/** Operators with plain names that trust their arguments all the same. Each has its reason. */
const listed: ReadonlyMap<string, string> = new Map(
  [
    'slow_conv3d',
    'slow_conv3d_forward',
    'slow_conv_dilated2d',
    'slow_conv_dilated3d',
    'slow_conv_transpose2d',
    'slow_conv_transpose3d',
    'thnn_conv2d',
    'conv_depthwise3d',
  ].map((name) => [name, convolutionStep]),
);

/** Namespaces whose operators are as checked as PyTorch's public ones; `bridge` is this package's own. */
const checkedNamespaces = new Set(['aten', 'bridge']);

/** Why `torch.ops` refuses an operator, as part of a sentence; null for those that it runs. */
export function unsafeReason(namespace: string, name: string): string | null {
  if (!checkedNamespaces.has(namespace))
    return `the namespace '${namespace}' is internal to libtorch, and its operators trust what other operators have packed`;
  if (checked.has(name)) return null;
  return listed.get(name) ?? rules.find(({ names }) => names.test(name))?.reason ?? null;
}
