import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { packageFolders } from './pack.mjs';
import { missingMetadata, readPackage, writeMetadata } from './publisher.mjs';
import { changelogSection, commonVersion, publishingText } from './release-notes.mjs';

const root = path.resolve(fileURLToPath(new URL('../..', import.meta.url)));

/** A folder with what a release reads, but for the sources. @param {import('node:test').TestContext} t */
function workspace(t) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'release '));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['.', ...packageFolders]) {
    mkdirSync(path.join(folder, name), { recursive: true });
    writeFileSync(path.join(folder, name, 'package.json'), `${JSON.stringify(readPackage(root, name), null, 2)}\n`);
  }
  for (const name of ['scripts', 'packages/torch/setup'])
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  const { version } = readPackage(root, '.');
  writeFileSync(
    path.join(folder, 'CHANGELOG.md'),
    `# Changelog\n\n## [Unreleased]\n\n## [${version}] - 2026-11-30\n\n- A change.\n\n## [0.0.1] - 2026-01-01\n\n- Older.\n`,
  );
  return folder;
}

/** @param {string} folder @param {string[]} args */
const release = (folder, ...args) =>
  spawnSync(process.execPath, ['scripts/release.mjs', ...args], { cwd: folder, encoding: 'utf8', input: '' });

suite('npm run release', () => {
  test('is for one version of all packages', (t) => {
    const folder = workspace(t);
    const version = commonVersion(folder);
    const file = path.join(folder, 'packages/deit-lt/package.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(`"@deit-lt/web": "${version}"`, '"@deit-lt/web": "0.0.9"'));
    assert.throws(
      () => commonVersion(folder),
      /packages\/deit-lt\/package\.json, @deit-lt\/web: expected version .*, found 0\.0\.9/,
    );
    writeFileSync(file, text.replace(`"version": "${version}"`, '"version": "0.0.9"'));
    assert.throws(() => commonVersion(folder), /packages\/deit-lt\/package\.json: expected version .*, found 0\.0\.9/);
  });

  test('wants the changes of its version, with a date', (t) => {
    const folder = workspace(t);
    assert.equal(changelogSection(folder, commonVersion(folder)), '- A change.');
    assert.throws(() => changelogSection(folder, '9.9.9'), /has no text under "## \[9\.9\.9\] - YYYY-MM-DD"/);
    writeFileSync(path.join(folder, 'CHANGELOG.md'), '## [0.2.0] - 2026-11-30\n\n## [0.1.0]\n\n- No date.\n');
    assert.throws(() => changelogSection(folder, '0.2.0'), /has no text/);
    assert.throws(() => changelogSection(folder, '0.1.0'), /has no text/);
  });

  test('asks for repository and author, and writes them into each package', (t) => {
    const folder = workspace(t);
    for (const name of packageFolders) {
      const { author, repository, homepage, bugs, ...rest } = readPackage(folder, name);
      writeFileSync(path.join(folder, name, 'package.json'), JSON.stringify(rest));
    }
    const asked = release(folder);
    assert.equal(asked.status, 1);
    assert.match(asked.stderr, /lacks repository and author, which only their publisher knows[\s\S]*--repository/);

    const given = ['--repository', 'https://github.com/ada/deit-lt.git', '--author', 'Ada <ada@example.org>'];
    const written = release(folder, ...given);
    assert.equal(written.status, 0, written.stderr);
    assert.match(written.stdout, /Commit them, then run npm run release again/);
    assert.deepEqual(missingMetadata(folder), []);
    const { author, repository, homepage, bugs, dependencies } = readPackage(folder, 'packages/deit-lt');
    assert.equal(author, 'Ada <ada@example.org>');
    assert.deepEqual(repository, {
      type: 'git',
      url: 'git+https://github.com/ada/deit-lt.git',
      directory: 'packages/deit-lt',
    });
    assert.equal(homepage, 'https://github.com/ada/deit-lt#readme');
    assert.equal(bugs, 'https://github.com/ada/deit-lt/issues');
    assert.deepEqual(dependencies, readPackage(root, 'packages/deit-lt').dependencies);

    // Complete now, but not committed.
    const again = release(folder);
    assert.equal(again.status, 1);
    assert.match(again.stderr, /A release is made of a commit/);
  });

  test('refuses addresses and authors of another form, and writes nothing', (t) => {
    const folder = workspace(t);
    const before = readFileSync(path.join(folder, 'packages/web/package.json'), 'utf8');
    for (const repository of ['github.com/ada/deit-lt', 'https://github.com/ada', 'git@github.com:ada/deit-lt.git', ''])
      assert.throws(() => writeMetadata(folder, { repository }), /expected an https address/, repository);
    for (const author of ['', ' ', 'Ada <ada>', '<ada@example.org>'])
      assert.throws(() => writeMetadata(folder, { author }), /expected a name/, author);
    assert.equal(release(folder, '--publish').status, 2);
    assert.equal(readFileSync(path.join(folder, 'packages/web/package.json'), 'utf8'), before);
  });

  test('says what would be published, and when provenance is possible', () => {
    const about = {
      version: '1.2.3',
      size: 1_250_000,
      unpackedSize: 5_000_000,
      entryCount: 7,
      integrity: 'sha512-x',
      files: [],
    };
    const packed = [
      { ...about, name: '@deit-lt/torch', filename: 'deit-lt-torch-1.2.3.tgz' },
      { ...about, name: 'deit-lt', filename: 'deit-lt-1.2.3.tgz' },
    ];
    const text = publishingText({
      packed,
      folder: 'release/1.2.3',
      commit: 'abc1234',
      repository: 'git+https://x.org/a/b.git',
    });
    assert.match(text, /^Nothing was published\..*abc1234/);
    assert.match(text, /@deit-lt\/torch@1\.2\.3 {2}7 files, 1\.3 MB packed, 5\.0 MB unpacked\n {4}sha512-x/);
    assert.match(text, /torch-1\.2\.3\.tgz --access public\n.*deit-lt-1\.2\.3\.tgz --access public\n/);
    assert.match(text, /id-token: write[\s\S]*git\+https:\/\/x\.org\/a\/b\.git[\s\S]*--provenance/);
  });
});
