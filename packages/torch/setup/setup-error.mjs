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
 * Runs a script's main function; a SetupError becomes its message and exit code 1 (2 for wrong usage), anything else keeps its trace.
 *
 * @param {() => Promise<void>} main
 */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = error.code === 'USAGE' ? 2 : 1;
  }
}
