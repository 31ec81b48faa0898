import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { installLibtorch, lackError } from './install-libtorch.mjs';
import { ensureReferencePython, findReferencePython } from './reference-python.mjs';

/** @typedef {import('./operating-system.mjs').SystemKind} SystemKind */

const both = { libtorch: true, compiler: true };
const debian = { kind: /** @type {SystemKind} */ ('debian'), name: 'Debian GNU/Linux 12' };

/**
 * A machine that only records its commands.
 *
 * @param {{ installed?: string[], candidates?: string[], mayBecomeRoot?: boolean, failures?: string[] }} machine
 *   `candidates`: apt's successive answers; `failures`: commands that fail once
 */
function pretended({ installed = [], candidates = ['1.13.1+dfsg-4'], mayBecomeRoot = true, failures = [] }) {
  /** @type {string[]} */
  const commands = [];
  let said = '';
  /** @type {import('./run-command.mjs').RunCommand} */
  const run = async (command, args) => {
    const line = [command, ...args].join(' ');
    const failed = failures.findIndex((each) => line.includes(each));
    if (/apt-get|sudo/.test(line)) commands.push(line.replace(/.*apt-get -q -o \S+/, 'apt-get').trim());
    if (failed >= 0) failures.splice(failed, 1);
    const code = failed >= 0 || (command === 'sudo' && !mayBecomeRoot) ? 1 : 0;
    const stdout =
      command === 'dpkg-query' && installed.includes(String(args.at(-1)))
        ? 'Status: install ok installed\n'
        : command === 'apt-cache'
          ? `libtorch-dev:\n  Candidate: ${candidates.length > 1 ? candidates.shift() : candidates[0]}\n`
          : '';
    return { code, stdout, output: code === 0 ? stdout : 'E: Unable to locate package' };
  };
  const out = { write: (/** @type {string} */ text) => (said += text) };
  return { commands, said: () => said, options: { run, out, uid: 0, system: debian } };
}

suite('installLibtorch() on Debian', () => {
  test('says what it installs, then installs it', async () => {
    const { commands, said, options } = pretended({});
    await installLibtorch(both, options);
    assert.deepEqual(commands, ['apt-get install -y --no-install-recommends libtorch-dev libopenblas0-pthread g++']);
    assert.match(said(), /^Installing Debian packages: libtorch-dev libopenblas0-pthread g\+\+ … /);
  });
  test('installs only what is missing', async () => {
    const { commands, options } = pretended({ installed: ['g++', 'libopenblas0-pthread'] });
    await installLibtorch(both, options);
    assert.deepEqual(commands, ['apt-get install -y --no-install-recommends libtorch-dev']);
  });
  test('installs only the compiler when libtorch is there', async () => {
    const { commands, options } = pretended({});
    await installLibtorch({ libtorch: false, compiler: true }, options);
    assert.deepEqual(commands, ['apt-get install -y --no-install-recommends g++']);
  });
  test("updates apt's lists when they do not know the package", async () => {
    const { commands, options } = pretended({ candidates: ['(none)', '2.6.0+dfsg-8'] });
    await installLibtorch(both, options);
    assert.deepEqual(
      commands.map((line) => line.split(' ').slice(0, 2).join(' ')),
      ['apt-get update', 'apt-get install'],
    );
  });
  test('updates the lists and tries again when an install fails', async () => {
    const { commands, options } = pretended({ failures: ['install'] });
    await installLibtorch(both, options);
    assert.deepEqual(
      commands.map((line) => line.split(' ')[1]),
      ['install', 'update', 'install'],
    );
  });
  test("shows apt's last lines when it cannot install", async () => {
    const { options } = pretended({ failures: ['install', 'install'] });
    await assert.rejects(installLibtorch(both, options), {
      code: 'APT',
      message: /could not install libtorch-dev .*\nE: Unable to locate package/,
    });
  });
  test('goes through sudo when it asks for no password', async () => {
    const { commands, options } = pretended({});
    await installLibtorch(both, { ...options, uid: 1000 });
    assert.equal(commands[0], 'sudo -n true');
    assert.match(String(commands.at(-1)), /^apt-get install/);
  });
  test('prints the commands when it may not become root', async () => {
    const { commands, options } = pretended({ mayBecomeRoot: false });
    await assert.rejects(installLibtorch(both, { ...options, uid: 1000 }), {
      code: 'NO_LIBTORCH',
      message: /sudo apt-get install libtorch-dev libopenblas0-pthread g\+\+/,
    });
    assert.deepEqual(commands, ['sudo -n true']);
  });
  test("names pip where the distribution's libtorch is too old", async () => {
    const { commands, options } = pretended({ candidates: ['1.8.1-5'] });
    await assert.rejects(installLibtorch(both, options), {
      code: 'NO_LIBTORCH',
      message: /has libtorch-dev 1\.8\.1-5, and 1\.13 or newer is needed.*\n.*pip install torch/,
    });
    assert.deepEqual(commands, []);
  });
});

suite('lackError()', () => {
  /** @type {[SystemKind, RegExp][]} */
  const commands = [
    ['macos', /brew install pytorch/],
    ['fedora', /sudo dnf install gcc-c\+\+ python3 && python3 -m venv .* pip install torch/],
    ['linux', /pip install torch[\s\S]*conda install -c conda-forge pytorch/],
    ['other', /WSL 2/],
  ];
  for (const [kind, command] of commands) {
    test(`prints the commands for ${kind}`, () => {
      assert.match(lackError(both, { kind, name: kind }).message, command);
    });
  }
  test('asks only for a compiler when libtorch is there', () => {
    const error = lackError({ libtorch: false, compiler: true }, { kind: 'macos', name: 'macOS' });
    assert.equal(error.code, 'NO_COMPILER');
    assert.match(error.message, /xcode-select --install/);
  });
  test('repeats why a libtorch that is there was not taken', () => {
    assert.match(
      lackError(both, debian, ['libtorch 1.8.1 in /usr/lib is older than 1.13']).message,
      /1\.8\.1 in \/usr\/lib is older/,
    );
  });
});

suite('the reference Python', () => {
  test('is installed on Debian where there is none', async () => {
    const { commands, options } = pretended({ installed: ['python3-numpy'] });
    const answers = [null, '/usr/bin/python3'];
    assert.equal(
      await ensureReferencePython({ ...options, find: async () => answers.shift() ?? null }),
      '/usr/bin/python3',
    );
    assert.deepEqual(commands, ['apt-get install -y --no-install-recommends python3-torch python3-torchvision']);
  });
  test('is not installed elsewhere', async () => {
    const { commands, options } = pretended({});
    assert.equal(
      await ensureReferencePython({ ...options, system: { kind: 'macos', name: 'macOS' }, find: async () => null }),
      null,
    );
    assert.deepEqual(commands, []);
  });
  test('must have torch when PYTHON_TORCH names it', async () => {
    await assert.rejects(findReferencePython({ env: { PYTHON_TORCH: '/does/not/exist' } }), {
      code: 'PYTHON_TORCH',
      message: /^PYTHON_TORCH=\/does\/not\/exist: expected a Python/,
    });
  });
});
