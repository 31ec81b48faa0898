// Part of `npm run check`: the subjects of new commits, those made on top of the commit that brought this file. Merges are exempt.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { runCommand } from '../packages/torch/setup/run-command.mjs';
import { runMain, SetupError } from '../packages/torch/setup/setup-error.mjs';
import { subjectFault } from './lib/commit-subject.mjs';

const root = path.resolve(fileURLToPath(new URL('..', import.meta.url)));

await runMain(async () => {
  const first = await git('log', '--diff-filter=A', '--format=%H', '--', 'scripts/commit-messages.mjs');
  if (first === null) return console.log('Commit messages: not checked, because this is no git repository.');
  const since = first.trim().split('\n').at(-1);
  if (!since) return;
  const log = await git('log', '--no-merges', '--ancestry-path', '--format=%h %s', `${since}..HEAD`);
  const faults = (log ?? '').split('\n').filter(Boolean).flatMap(faultOf);
  if (faults.length > 0)
    throw new SetupError(
      `Subjects of commits are imperative and have at most 72 characters (CONTRIBUTING.md):\n${faults.join('\n')}\nChange the last with git commit --amend, others with git rebase --interactive.`,
      'COMMIT',
    );
});

/** @param {string} line */
function faultOf(line) {
  const [hash = ''] = line.split(' ', 1);
  const subject = line.slice(hash.length + 1);
  const fault = subjectFault(subject);
  return fault === null ? [] : [`  ${hash} "${subject}" ${fault}.`];
}

/** @param {string[]} args @returns {Promise<string | null>} null outside of a repository, or without git */
async function git(...args) {
  const { code, stdout } = await runCommand('git', args, { cwd: root });
  return code === 0 ? stdout : null;
}
