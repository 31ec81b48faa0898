/** The process of `standing-process.ts`: it runs the command line's own `main()` for each line that it receives. */
import { writeSync } from 'node:fs';
import { main } from '../../src/cli/main.js';
import type { CliResult } from '../cli-helpers.js';
import { type CommandRequest, readLine } from './standing-process.js';

const [requests, results] = [3, 4];

/** What is written to a stream, from now on. */
function collect(stream: NodeJS.WriteStream): () => string {
  let text = '';
  stream.write = (piece: string | Uint8Array) => {
    text += typeof piece === 'string' ? piece : Buffer.from(piece).toString('utf8');
    return true;
  };
  return () => {
    const collected = text;
    text = '';
    return collected;
  };
}

const [stdout, stderr] = [collect(process.stdout), collect(process.stderr)];

for (let line = readLine(requests); line !== undefined; line = readLine(requests)) {
  const { words, cwd } = JSON.parse(line) as CommandRequest;
  process.chdir(cwd);
  process.exitCode = undefined;
  await main(words);
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error');
  const result: CliResult = { status: process.exitCode ?? 0, stdout: stdout(), stderr: stderr() };
  writeSync(results, `${JSON.stringify(result)}\n`);
}
process.exitCode = 0;
