// Reads the Dockerfile: the few instructions that ours has, one after the other.
import { SetupError } from '../../packages/torch/setup/setup-error.mjs';

/** @typedef {{ instruction: string, value: string }} Instruction `value` on one line where the file goes on after a backslash */

const known = new Set(['ARG', 'FROM', 'WORKDIR', 'COPY', 'RUN', 'ENV', 'ENTRYPOINT', 'CMD']);

/**
 * @param {string} text
 * @returns {Instruction[]}
 * @throws {SetupError} for an instruction that is not among those known here
 */
export function parseDockerfile(text) {
  const lines = text.split('\n').filter((line) => !/^\s*#/.test(line));
  const joined = lines.join('\n').replaceAll(/\s*\\\n\s*/g, ' ');
  return joined
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, instruction = '', value = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
      if (!known.has(instruction)) throw new SetupError(`Dockerfile: "${line.slice(0, 60)}" is not known here.`);
      return { instruction, value: value.trim() };
    });
}

/** `NAME=value` of ARG and ENV. @param {string} text @returns {[name: string, value: string]} */
export function assignment(text) {
  const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(text) ?? [];
  if (name === '') throw new SetupError(`Dockerfile: expected NAME=VALUE, found ${text}.`);
  return [name, value];
}
