// `Disposable` is in no ES2025 library: programs that import these types get it with them.
/// <reference lib="esnext.disposable" preserve="true" />
/**
 * libtorch for Node. After `import * as torch from '@deit-lt/torch'`, names are PyTorch's in
 * camelCase; every operator is at `torch.ops.aten.<name>.<overload>`.
 */
export * as amp from './amp/index.js';
export * as autograd from './autograd/backward.js';
export * from './autograd/modes.js';
export { backends } from './backends.js';
export type { Layout, MemoryFormat, Scalar } from './binding/codec.js';
export { hasCudaBfloat16, hasNativeBfloat16 } from './binding/environment.js';
export * from './devices.js';
export * as distributed from './distributed/index.js';
export { type Diagnosis, diagnose, formatDiagnosis } from './doctor.js';
export { BridgeError, TorchError } from './errors.js';
export * from './functions.generated.js';
export * as nn from './nn/index.js';
export { ops } from './ops.js';
export * as optim from './optim/index.js';
export * from './random.js';
export * as safetensors from './safetensors/index.js';
export { traceOrigins } from './tensor/base.js';
export * from './tensor/create.js';
export { type DType, dtypes, itemSize, type TypedArray } from './tensor/dtype.js';
export { getPrintOptions, type PrintOptions, setPrintOptions } from './tensor/format-options.js';
export { type IndexArray, type Slice, slice } from './tensor/indexing.js';
export { keep, Scope, scope, tidy } from './tensor/scope.js';
export { type BackwardOptions, type Index, Tensor, type ToOptions } from './tensor/tensor.js';
export type { NestedArray } from './tensor/values.js';
