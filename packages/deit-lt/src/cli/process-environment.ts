/** The variables that make this process one of several of a training, checked before anything is read. */
import { UserError } from '../errors.js';
import { suggestedCommand } from '../suggested-command.js';
import { isOneOfSeveral, launchedVariable } from './processes.js';
import { slurmVariables } from './slurm.js';

/**
 * Takes the variables of Slurm for torchrun's, and checks them. `procs` is the option `--procs`. Throws UserError USAGE that names the
 * variable that is missing or wrong, and the ways to start several processes.
 */
export function prepareEnvironment(command: string, procs = 1, env: NodeJS.ProcessEnv = process.env): void {
  Object.assign(env, slurmVariables(env));
  checkNumber(env, 'DEIT_LT_PROCESS_TIMEOUT', { of: 'seconds', least: 1, most: 1e6 });
  checkNumber(env, 'DEIT_LT_BUCKET_MB', { of: 'megabytes', least: 0.01, most: 1e4 });
  const { RANK: rank, WORLD_SIZE: size } = env;
  if (rank === undefined && (size === undefined || size === '1')) return;
  if (rank === undefined || size === undefined)
    throw wrong(command, env, `${rank === undefined ? 'RANK' : 'WORLD_SIZE'} is not set`);
  const processes = requireNumber(command, env, 'WORLD_SIZE', { least: 1 });
  if (!isOneOfSeveral(env)) return;
  requireNumber(command, env, 'RANK', { least: 0, most: processes - 1 });
  if (!env.MASTER_ADDR) throw wrong(command, env, 'MASTER_ADDR is not set');
  requireNumber(command, env, 'MASTER_PORT', { least: 1, most: 65_535 });
  if (procs > 1 && env[launchedVariable] === undefined)
    throw new UserError(
      'USAGE',
      `--procs ${procs}: this process is number ${rank} of ${size} that something else started (RANK and WORLD_SIZE are set). Leave out --procs, or unset RANK and WORLD_SIZE.`,
    );
  // PyTorch logs each attempt to connect; the error has what matters.
  env.TORCH_CPP_LOG_LEVEL ??= 'FATAL';
}

function checkNumber(
  env: NodeJS.ProcessEnv,
  name: string,
  { of, least, most }: { readonly of: string; readonly least: number; readonly most: number },
): void {
  const text = env[name];
  if (text === undefined || (text.trim() !== '' && Number(text) >= least && Number(text) <= most)) return;
  throw new UserError(
    'USAGE',
    `${name} must be a number of ${of} from ${least} to ${most.toExponential().replace('+', '')}, found "${text}".`,
  );
}

interface Limits {
  readonly least: number;
  readonly most?: number;
}

function requireNumber(
  command: string,
  env: NodeJS.ProcessEnv,
  name: string,
  { least, most = 999_999_999 }: Limits,
): number {
  const text = env[name];
  if (!text) throw wrong(command, env, `${name} is not set`);
  if (/^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
  throw wrong(
    command,
    env,
    `${name} is "${text}", expected a whole number from ${least}${most < 1e8 ? ` to ${most}` : ' on'}`,
  );
}

function wrong(command: string, { RANK, WORLD_SIZE, SLURM_PROCID }: NodeJS.ProcessEnv, what: string): UserError {
  const given = Object.entries({ RANK, WORLD_SIZE }).flatMap(([name, value]) => (value ? [`${name}=${value}`] : []));
  const lines = [
    `On this machine: ${suggestedCommand(command, '--procs', '2')} …`,
    `With torchrun: torchrun --no-python --nproc-per-node 2 ${suggestedCommand(command)} …`,
    ...(SLURM_PROCID === undefined ? [] : [`With Slurm: srun --ntasks 2 ${suggestedCommand(command)} …`]),
    `In one process: unset RANK and WORLD_SIZE`,
  ];
  return new UserError('USAGE', `this is one of several processes (${given.join(', ')}), but ${what}.`, { lines });
}
