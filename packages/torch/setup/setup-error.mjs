// A fault that a user can fix: printed as a message, never with a stack trace.

export class SetupError extends Error {
  /**
   * @param {string} message what was expected, what was found, what to do
   * @param {string} [code] names the kind of failure for programs and tests
   */
  constructor(message, code = 'SETUP') {
    super(message);
    this.name = 'SetupError';
    this.code = code;
  }
}

/**
 * Runs a script's main function; a SetupError becomes its message and exit code 1 (2 for wrong usage), and so does an error of a file or
 * of `parseArgs`. Anything else keeps its trace.
 *
 * @param {() => Promise<void>} main
 */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    const code = exitCodeOf(error);
    if (code === undefined) throw error;
    console.error(`\n${/** @type {Error} */ (error).message}`);
    process.exitCode = code;
  }
}

/**
 * Undefined for errors of the program itself.
 *
 * @param {unknown} error
 */
function exitCodeOf(error) {
  if (error instanceof SetupError) return error.code === 'USAGE' ? 2 : 1;
  const { code, syscall, path } = /** @type {NodeJS.ErrnoException} */ (error);
  if (code?.startsWith('ERR_PARSE_ARGS_')) return 2;
  return syscall !== undefined && path !== undefined ? 1 : undefined; // the message names the file
}
