/** `--dry-run` and `--seeds` of trainings, and `inspect --model` on the run that they made. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { CliResult } from './cli-helpers.js';
import { writeTinyJob } from './helpers/killed-training.js';
import { deitLt } from './helpers/standing-process.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-variants-'));
const at = (name: string): string => path.join(folder, name);
const run = (words: string): CliResult => deitLt(words.split(' '), { cwd: folder });
const shortly = '--set student.epochs=1 teacher.epochs=1';
after(() => rmSync(folder, { recursive: true }));

suite('variants of a training', () => {
  before(() => writeTinyJob(folder));

  test('--dry-run checks data and networks, says what would be trained, and makes no folder', () => {
    const { status, stdout, stderr } = run(`train --data data --recipe tiny.yaml --out dry --dry-run ${shortly}`);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^data {6}data: \d+ images of 3 classes/);
    assert.match(stdout, /\nteacher {3}resnet\w+, [\d,]+ parameters, .*: 1 epochs of/);
    assert.match(stdout, /\nstudent {3}deit, [\d,]+ parameters/);
    assert.match(stdout, /\nfolder .*dry \(not made\)/);
    assert.ok(!existsSync(at('dry')));
    for (const [settings, message] of [
      ['student.model.numHeads=7', /numHeads/],
      [
        'cudaGraphs=true device=cpu',
        /cudaGraphs is true, but passes cannot be captured: this training runs on the processor/,
      ],
      ['student.syncBatchNorm=true student.shards=2', /student\.syncBatchNorm needs a process for each shard/],
      ['student.learn=lora:4', /student\.learn is "lora:4", so it needs trained weights/],
    ] as const) {
      const wrong = run(`train --data data --recipe tiny.yaml --out dry --dry-run --set ${settings}`);
      assert.notEqual(wrong.status, 0, wrong.stdout);
      assert.match(wrong.stderr, message);
      assert.doesNotMatch(wrong.stderr, /\n\s+at /);
    }
  });

  test('early stopping that no evaluation can decide is named before the training', () => {
    const settings =
      'evaluation.select=validation data.validation=0.2 student.epochs=8 evaluation.earlyStopping.patience=2';
    const notes = (every: number): string =>
      run(`vit --data data --recipe tiny.yaml --out dry --dry-run --set ${settings} evaluation.every=${every}`).stderr;
    assert.match(
      notes(6),
      /evaluation\.earlyStopping will not end the training of the student: .* every 6 epochs .*patience is 2, and there are 8 epochs/,
    );
    assert.doesNotMatch(notes(5), /earlyStopping/);
  });

  test('--seeds trains once with each seed and prints one row, and --resume leaves finished runs as they are', () => {
    const words = `vit --data data --recipe tiny.yaml --out seeds --seeds 3,5 ${shortly}`;
    const { status, stdout, stderr } = run(words);
    assert.equal(status, 0, stderr);
    const seedOf = (name: string): number =>
      JSON.parse(readFileSync(at(`seeds/${name}/config.json`), 'utf8')).recipe.seed;
    assert.deepEqual([seedOf('seed-3'), seedOf('seed-5')], [3, 5]);
    assert.match(stdout, /vit \(2 seeds\)/);
    const compared = run('compare seeds');
    assert.equal(compared.status, 0, compared.stderr);
    assert.match(compared.stdout, /vit \(2 seeds\)/);
    assert.match(stderr, /compare seeds/);
    const before = readFileSync(at('seeds/seed-3/checkpoints/last.safetensors'));
    const again = run(`${words} --resume`);
    assert.equal(again.status, 0, again.stderr);
    assert.deepEqual(readFileSync(at('seeds/seed-3/checkpoints/last.safetensors')), before);
    for (const [more, message] of [
      ['--seeds 1,1', /expected different whole numbers/],
      ['--seeds 1,2 --set seed=3', /--seeds and --set seed=… exclude each other/],
    ] as const) {
      const refused = run(`vit --data data --recipe tiny.yaml --out other ${more}`);
      assert.deepEqual([refused.status, message.test(refused.stderr)], [2, true], refused.stderr);
    }
  });

  test('eval warns when --split no longer sets the images of the training aside', () => {
    cpSync(at('data/train'), at('flat'), { recursive: true });
    const trained = run(`vit --data flat --recipe tiny.yaml --split 0.4 --out flat-run ${shortly}`);
    assert.equal(trained.status, 0, trained.stderr);
    const notes = (): string => {
      const { status, stderr } = run('eval flat-run --data flat --split 0.4');
      assert.equal(status, 0, stderr);
      return stderr;
    };
    assert.doesNotMatch(notes(), /not the images/);
    renameSync(at('flat/ant/0.png'), at('flat/ant/renamed.png'));
    assert.match(notes(), /not the images that .*flat-run was trained on.* may have been trained on/);
  });

  test('inspect --model lists images whose label the model does not believe', () => {
    renameSync(at('data/train/ant/0.png'), at('data/train/bee/wrong.png'));
    const { status, stdout, stderr } = run('inspect data --model seeds/seed-3 --no-speed --json');
    assert.equal(status, 0, stderr);
    const { labelErrors } = JSON.parse(stdout);
    assert.ok(labelErrors.images > 6);
    assert.ok(labelErrors.agreement >= 0 && labelErrors.agreement <= 100);
    for (const { label, suggested, split, probability } of labelErrors.errors) {
      assert.ok(['ant', 'bee', 'cat'].includes(suggested) && suggested !== label);
      assert.ok(['train', 'test'].includes(split) && probability >= 0 && probability <= 1);
    }
    assert.match(run('inspect data --model seeds/seed-3 --no-speed').stdout, /\nlabels {6}(\d+ of|no probable errors)/);
  });
});
