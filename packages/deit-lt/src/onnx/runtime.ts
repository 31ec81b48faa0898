/** onnxruntime-node, an optional package, and what of it is used here. */

export interface Runtime {
  readonly InferenceSession: {
    create(model: Uint8Array | string, options: object): Promise<Session>;
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => object;
}

export interface Session {
  readonly inputMetadata: readonly RuntimeValue[];
  readonly outputMetadata: readonly RuntimeValue[];
  run(
    feeds: Record<string, object>,
    wanted?: readonly string[],
  ): Promise<Record<string, { data: Float32Array; dims: readonly number[] }>>;
  release(): Promise<void>;
}

/** An input or output; `shape` has names for sizes that are not fixed. */
export interface RuntimeValue {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

/**
 * Keeps onnxruntime from sending usage data and from writing an identifier of the device, which its builds for npm do otherwise.
 * `ORT_DISABLE_TELEMETRY` of the user stays. To be called on the main thread before onnxruntime is loaded: `process.env` of a
 * worker is a copy, which native code does not see.
 */
export function disableTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
}

/** Undefined where the optional package onnxruntime-node is not installed, or not for this machine. */
export async function loadRuntime(): Promise<Runtime | undefined> {
  disableTelemetry();
  try {
    return (await import('onnxruntime-node')) as unknown as Runtime;
  } catch {
    return undefined;
  }
}
