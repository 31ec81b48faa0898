// One line for each step that does something: what it does while it runs, how long it took at its end.

/**
 * Writes `what … `, awaits the work and ends the line with the seconds it took (and `detail`, when given).
 *
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @param {{ detail?: (result: T) => string, out?: { write(text: string): unknown } }} [options]
 * @returns {Promise<T>}
 */
export async function step(what, work, { detail = () => '', out = process.stdout } = {}) {
  const start = performance.now();
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  out.write(`${what} … `);
  try {
    const result = await work();
    out.write(`${[detail(result), seconds()].filter(Boolean).join(', ')}\n`);
    return result;
  } catch (error) {
    out.write(`failed after ${seconds()}\n`);
    throw error;
  }
}
