// bench/gpu/run.sh with a pretended Node and PyTorch: what it keeps when steps fail, run out of time or are stopped from outside.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { findPythonOnPath } from '../packages/torch/setup/find-python.mjs';
import { temporaryTree } from '../packages/torch/setup/temporary-tree.mjs';

const script = fileURLToPath(new URL('../bench/gpu/run.sh', import.meta.url));
const python = findPythonOnPath({ env: process.env });

/** The signal of an alarm is what `timeout` gets when its time is over; before it waits (state S), it would end with another code. */
const endByLimit = 'until grep -q "State:.S" /proc/$PPID/status; do :; done; kill -ALRM $PPID; sleep 60';
/** The script is the parent of `timeout`. */
const stopFromOutside = 'read -r _ _ _ script _ </proc/$PPID/stat; kill -TERM $script; sleep 60';

/** @param {{ compare?: string, train?: string, version?: string, cuda?: string }} [commands] of the pretended Node */
function files({ compare = 'echo rates', train = 'echo trained', version = '2.11.0+cu130', cuda = "'13.0'" } = {}) {
  const node = `#!/usr/bin/env bash
case "$*" in
  *--test*) echo "one test failed"; exit 1 ;;
  *compare.js*) echo '{"rows": []}' >"$2"; ${compare} ;;
  *" vit "*) echo "a ViT of $*" ;;
  *" train "*) mkdir -p recipe/teacher; echo '{"epoch": 1}' >recipe/teacher/metrics.jsonl; ${train} ;;
esac
`;
  const current = { addon: 'a.node', libtorch: { version: '2.11.0+cu130', cuda: '13.0' } };
  return {
    'packed/bin/node': node,
    'packed/packages/torch/build/current.json': JSON.stringify(current),
    'packed/packages/torch/dist/test/cuda.test.js': '',
    'images/train/class0/0.jpg': 'no image',
    'modules/torch/__init__.py': '',
    'modules/torch/version.py': `__version__ = '${version}'\ncuda = ${cuda}\n`,
    'modules/PIL/__init__.py': '',
    'modules/PIL/Image.py': 'raise ImportError("a pretended Pillow")',
  };
}

/**
 * Packs `files`, and runs the script on them in a folder without the checkout.
 *
 * @param {import('node:test').TestContext} t
 * @param {Record<string, string>} given
 * @param {Record<string, string>} [env]
 */
function run(t, given, env = {}) {
  const root = temporaryTree(t, given);
  const pack = "import sys, tarfile\nwith tarfile.open(sys.argv[1], 'w:xz') as made: made.add(sys.argv[2], '.')";
  execFileSync('mkdir', [path.join(root, 'pack')]);
  for (const [archive = '', folder = ''] of [
    ['deit-lt.tar.xz', 'packed'],
    ['cifar10-images.tar.xz', 'images'],
  ])
    execFileSync(String(python), ['-c', pack, path.join(root, 'pack', archive), path.join(root, folder)]);
  const out = path.join(root, 'out');
  const { status, stderr, stdout } = spawnSync('bash', [script, 'pack'], {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...{ PATH: process.env.PATH, PYTHON: String(python), PYTHONPATH: path.join(root, 'modules'), TMPDIR: root },
      ...{ OUT: out, DEVICE: 'cpu', ...env },
    },
  });
  const read = (/** @type {string} */ name) => readFileSync(path.join(out, name), 'utf8');
  const summary = () =>
    read('summary.jsonl')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  return {
    root,
    status,
    stderr,
    stdout,
    read,
    summary,
    has: (/** @type {string} */ name) => existsSync(path.join(out, name)),
  };
}

suite('bench/gpu/run.sh', { skip: python === null && 'no python3 on the PATH' }, () => {
  test('goes on after a step that fails and one that its limit ends, and keeps what each wrote', (t) => {
    const { status, summary, read, root } = run(t, files({ compare: endByLimit, train: endByLimit }));
    assert.equal(status, 0);
    const steps = summary();
    assert.deepEqual(
      steps.map(({ step, exit }) => [step, exit]),
      [
        ['engine', 1],
        ['steps', 124],
        ['loop', 1],
        ['recipe', 124],
      ],
    );
    assert.deepEqual(
      steps.slice(0, 3).map(({ limit }) => limit),
      [148, 239, 102],
    );
    assert.match(read('engine.txt'), /one test failed/);
    assert.equal(read('steps.json'), '{"rows": []}\n');
    assert.match(read('loop.txt'), /a ViT of .*--out memory.*a ViT of .*--out captured.*a pretended Pillow/s);
    assert.equal(read('teacher-metrics.jsonl'), '{"epoch": 1}\n');
    assert.deepEqual(
      readdirSync(root).filter((name) => name.startsWith('tmp.')),
      [],
    );
  });

  test('keeps the metrics and ends its step when it is stopped itself', (t) => {
    const { status, has, read, root } = run(t, files({ train: stopFromOutside }), { STEPS: 'recipe' });
    assert.equal(status, 143);
    assert.equal(read('teacher-metrics.jsonl'), '{"epoch": 1}\n');
    assert.ok(has('recipe.txt') && !has('engine.txt'));
    assert.deepEqual(
      readdirSync(root).filter((name) => name.startsWith('tmp.')),
      [],
    );
  });

  test('leaves steps out for which no time is left, and says so', (t) => {
    const { status, summary, stdout } = run(t, files(), { TOTAL: '1', STEPS: 'steps,recipe' });
    assert.equal(status, 0);
    assert.match(stdout, /== steps: no time is left\n== recipe: no time is left/);
    assert.deepEqual(summary(), [
      { step: 'steps', exit: null, seconds: 0, limit: 0 },
      { step: 'recipe', exit: null, seconds: 0, limit: 0 },
    ]);
  });

  test('refuses another PyTorch or CUDA, a wrong option and a missing pack', (t) => {
    const other = run(t, files({ version: '2.12.0+cu130' }));
    assert.equal(other.status, 1);
    assert.match(other.stderr, /packed for PyTorch 2\.11\.0, but .* has 2\.12\.0: .*prepare\.mjs --version 2\.12\.0/);
    const cuda = run(t, files({ version: '2.11.0+cu128', cuda: "'12.8'" }), { DEVICE: 'cuda' });
    assert.equal(cuda.status, 1);
    assert.match(cuda.stderr, /packed for the CUDA 13, but .* has 12: .*prepare\.mjs --version 2\.11\.0\+cu128/);
    for (const [wrong, message] of /** @type {const} */ ([
      [{ TOTAL: '10m' }, /TOTAL=10m: expected a number of seconds/],
      [{ STEPS: 'engine,train' }, /there is no step "train"; there are engine, steps, loop, recipe/],
      [{ DEVICE: 'gpu' }, /DEVICE=gpu: expected cpu or cuda/],
      [{ PYTHON: 'no-python' }, /there is no no-python on the PATH/],
      [{}, /\/nowhere has no deit-lt\.tar\.xz; make it with/],
    ])) {
      const env = { PATH: process.env.PATH, PYTHON: String(python), ...wrong };
      const { status, stderr } = spawnSync('bash', [script, '/nowhere'], { encoding: 'utf8', env });
      assert.equal(status, 2);
      assert.match(stderr, message);
    }
  });
});
