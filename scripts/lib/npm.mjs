// Calls npm, and says what to do when its registry cannot be reached.
import { isFile } from '../../packages/torch/setup/files.mjs';
import { runCommand } from '../../packages/torch/setup/run-command.mjs';
import { SetupError } from '../../packages/torch/setup/setup-error.mjs';

/**
 * @param {string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<import('../../packages/torch/setup/run-command.mjs').CommandResult>}
 * @throws {SetupError} with npm's first errors
 */
export async function npm(args, { cwd, env = process.env }) {
  // Under `npm run`, npm names itself; the npm of the PATH may be another one.
  const own = process.env.npm_execpath;
  const [command, ...first] = own?.endsWith('.js') && isFile(own) ? [process.execPath, own] : ['npm'];
  const result = await runCommand(String(command), [...first, ...args], { cwd, env });
  if (result.code !== 0) throw new SetupError(failureOf(String(args[0]), result.output), 'NPM');
  return result;
}

/** npm ends a failure with pages of usage; its cause stands first. @param {string} command @param {string} output */
export function failureOf(command, output) {
  const errors = output.split('\n').filter((line) => /^npm error ./.test(line));
  const causes = (errors.length > 0 ? errors : output.split('\n')).slice(0, 10).join('\n');
  const unreachable = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED)\b/.test(output);
  const advice =
    "\nThe npm registry cannot be reached, and npm's cache lacks a package. Connect to the network, or name a registry: npm config set registry URL";
  return `npm ${command} failed:\n${causes}${unreachable ? advice : ''}`;
}
