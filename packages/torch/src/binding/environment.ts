/**
 * Sets the environment variables that libtorch reads when it loads, and its number of threads. Values that the user set
 * are never changed.
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';

/** The processor's feature flags as Linux names them; empty elsewhere. */
export function cpuFlags(): ReadonlySet<string> {
  try {
    const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
    return new Set(line?.[1]?.split(/\s+/) ?? []);
  } catch {
    return new Set();
  }
}

/**
 * Returns whether a CUDA device multiplies bfloat16 matrices: those of compute capability 8.0 (Ampere) and higher do.
 */
export function hasCudaBfloat16({ major }: { readonly major: number }): boolean {
  return major >= 8;
}

/** True when the processor multiplies bfloat16 matrices in hardware (AVX512-BF16, AMX or Arm BF16). */
export function hasNativeBfloat16(flags: ReadonlySet<string> = cpuFlags()): boolean {
  return flags.has('avx512_bf16') || flags.has('amx_bf16') || flags.has('bf16');
}

/**
 * OpenBLAS 0.3.21 (Debian 12) does not recognise processors newer than itself and falls back to slow
 * kernels; on one with AVX512-BF16 its Cooperlake kernels are right: 1.2–1.7× in fp32 on Zen 5.
 *
 * UCX, which Debian 13's libtorch loads by way of MPI, tries out its memory hooks by moving the end of the
 * heap up and down while V8's threads allocate there: about one process in a hundred crashed.
 *
 * libtorch computes with OpenMP's threads and Debian's OpenBLAS with its own, on the same cores. GNU OpenMP
 * lets its idle threads spin for a while, which takes the cores from OpenBLAS: a short spin made the fp32
 * step of a ViT 1.6 times as fast and left bf16 (oneDNN, OpenMP only) as it was.
 */
export function prepareEnvironment(): void {
  if (process.env.OMP_WAIT_POLICY === undefined) process.env.GOMP_SPINCOUNT ??= '10000';
  process.env.UCX_MEM_EVENTS ??= 'n';
  if (process.env.OPENBLAS_CORETYPE === undefined && cpuFlags().has('avx512_bf16'))
    process.env.OPENBLAS_CORETYPE = 'Cooperlake';
}

/** One thread per core this process may use, unless OMP_NUM_THREADS says otherwise. */
export function startThreads(addon: { setNumThreads(threads: number): void }): void {
  const wanted = Number(process.env.OMP_NUM_THREADS);
  addon.setNumThreads(Number.isInteger(wanted) && wanted > 0 ? wanted : os.availableParallelism());
}
