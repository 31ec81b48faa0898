// Runs a program without a shell, so that paths with spaces need no quoting, and keeps what it printed.
import { spawn } from 'node:child_process';

/** @typedef {{ code: number, stdout: string, output: string }} CommandResult `output`: stdout and stderr together */
/** @typedef {(command: string, args: string[], options?: { cwd?: string, env?: NodeJS.ProcessEnv }) => Promise<CommandResult>} RunCommand */

/**
 * @type {RunCommand}
 * @returns code 127 when the program does not exist; never rejects
 */
export function runCommand(command, args, { cwd, env } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.on('error', (error) => resolve({ code: 127, stdout, output: `${output}${error.message}\n` }));
    child.on('close', (code, signal) =>
      resolve({ code: code ?? 1, stdout, output: signal ? `${output}ended by ${signal}\n` : output }),
    );
  });
}

/** The command as one would type it, for messages. @param {string[]} words */
export function shellLine(words) {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
}

/** The last lines of a program's output, for messages. @param {string} output @param {number} [count] */
export function lastLines(output, count = 20) {
  return output.trimEnd().split('\n').slice(-count).join('\n');
}
