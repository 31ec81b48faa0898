/** Faults of the machine or of the installation, which no error about a file may be made of. */

/** `@deit-lt/torch` does not load, or the process has too many open files. */
function isMachineFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'BridgeError') return true;
  return 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE');
}

/** Throws `error` again if it is a fault of the machine: the file that was being read is not damaged, and must not be removed. */
export function passMachineFault(error: unknown): void {
  if (isMachineFault(error)) throw error;
}
