/** Handles errors of writing to the standard output or the standard error. */
import { type FileProblem, problemOf } from '../runs/files.js';
import { makeWriter } from './writer.js';

/**
 * `deit-lt … | head` closes the output before the end; that is not an error. An output that cannot be written is one: the results are
 * lost. Messages that cannot be written are no reason to stop a training.
 */
export function watchOutputs(): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: FileProblem) => {
    if (error.code === 'EPIPE') process.exit(0);
    if (error.code === 'EIO' && process.stdout.isTTY) return; // the terminal was closed: its SIGHUP lets a training save
    makeWriter(process.stderr).text(`deit-lt: cannot write to the standard output: ${problemOf(error)}.`);
    process.exit(1);
  });
}
