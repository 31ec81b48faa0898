/** `deit-lt study NAME`: experiments of several trainings, each in a file of its own. */
import { UserError } from '../errors.js';
import type { CommandInput, Run } from './command-spec.js';

const studies: Readonly<Record<string, () => Promise<{ readonly run: Run }>>> = {
  ood: () => import('./study-ood.js'),
  ladder: () => import('./study-ladder.js'),
};

export async function run(input: CommandInput): Promise<number | undefined> {
  const [name = ''] = input.args;
  const load = Object.hasOwn(studies, name) ? studies[name] : undefined;
  if (load === undefined) throw new UserError('USAGE', `study: expected "ood" or "ladder", received "${name}".`);
  if (name !== 'ladder') requireLadder(input);
  return (await load()).run(input);
}

function requireLadder({ options, args }: CommandInput): void {
  for (const option of ['changes', 'seeds'] as const)
    if (options[option] !== undefined)
      throw new UserError('USAGE', `--${option} is for "study ladder"; leave it out of "study ${args[0]}".`);
}
