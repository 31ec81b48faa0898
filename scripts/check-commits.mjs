// Part of `npm run check`: the subjects of new commits, those made on top of `base`. Merges are exempt.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { runCommand } from '../packages/torch/setup/run-command.mjs';
import { runMain, SetupError } from '../packages/torch/setup/setup-error.mjs';
import { subjectFault } from './lib/commit-subject.mjs';

// The last commit from before there was a rule.
const base = '1866b2728b6f8a1b0c1c180fcb6dc71616cc97d8';

const root = path.resolve(fileURLToPath(new URL('..', import.meta.url)));

await runMain(async () => {
  if ((await git('cat-file', '-e', base)) === null)
    return console.log('Commit messages: not checked, because this is no git repository, or not all of one.');
  const log = await git('log', '--no-merges', '--ancestry-path', '--format=%h %s', `${base}..HEAD`);
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
