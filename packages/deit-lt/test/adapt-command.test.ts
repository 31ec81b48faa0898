/** `deit-lt adapt`, and that everybody who uses the model applies the same. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Adaptation } from '../src/classifier/adaptation.js';
import { DeitLT } from '../src/deit-lt.js';
import type { Opinion } from '../src/evaluation/ranking.js';
import type { CliResult } from './cli-helpers.js';
import { writeTinyJob } from './helpers/killed-training.js';
import { deitLt } from './helpers/standing-process.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-adapt-'));
const at = (name: string): string => path.join(folder, name);
const run = (words: string): CliResult => deitLt(words.split(' '), { cwd: folder });
const image = 'data/test/ant/0.png';

/** The result of a command that must end well. */
function done(words: string): CliResult {
  const result = run(words);
  assert.equal(result.status, 0, result.stderr);
  return result;
}

const adapted = (words: string): Adaptation => JSON.parse(done(`${words} --json`).stdout) as Adaptation;

function predicted(words: string): Opinion {
  return (JSON.parse(done(`predict ${words} --top 3 --json`).stdout) as Opinion[])[0]!;
}

function assertSame(a: Opinion, b: Opinion, most = 2e-4): void {
  assert.deepEqual([a.unknown, a.set], [b.unknown, b.set]);
  assert.deepEqual(
    a.top.map((each) => each.class),
    b.top.map((each) => each.class),
  );
  a.top.forEach(({ probability }, i) => {
    assert.ok(Math.abs(probability - b.top[i]!.probability) < most);
  });
}

suite('deit-lt adapt', () => {
  before(async () => {
    await writeTinyJob(folder);
    const settings = '--set data.validation=0.34 evaluation.select=validation student.epochs=1 teacher.epochs=1';
    done(`train --data data --recipe tiny.yaml --out run ${settings}`);
    mkdirSync(at('photos'));
    mkdirSync(at('damaged'));
    writeFileSync(at('twice.json'), '{"ant": 0.5, "bee": 1, "\\u0061nt": 0.3}');
    for (const name of ['ant', 'bee']) copyFileSync(at(`data/test/${name}/1.png`), at(`photos/${name}.png`));
    for (const name of ['ant', 'bee']) copyFileSync(at(`photos/${name}.png`), at(`damaged/${name}.png`));
    writeFileSync(at('damaged/cut.png'), readFileSync(at('photos/ant.png')).subarray(0, 60));
  });
  after(() => rmSync(folder, { recursive: true }));

  test('prints what was fitted, and measures it on validation and test images', () => {
    const { stdout, stderr } = done('adapt run --data data --min-precision 0.6 --coverage 0.7');
    assert.match(
      stdout,
      /^Adapted to all classes alike, "unknown" below a precision of 60 %, sets with a coverage of 70 %\./,
    );
    assert.match(
      stdout,
      /logits = \d\.\d+ × CLS \+ \d\.\d+ × DIST [+−] \d\.\d+ × log\(share of the class in training\)/,
    );
    assert.match(stdout, /6 images that it was fitted on \(validation images of data\)[\s\S]*6 test images/);
    assert.match(stderr, /adaptation\.json; "predict", "serve", "export" and "demo" apply it/);
    const { fitted, test: measured } = adapted('adapt run --data data');
    assert.deepEqual(fitted.imagesPerClass, [2, 2, 2]);
    assert.ok(fitted.after.nll < fitted.before.nll);
    assert.equal(measured?.after.images, 6);
  });

  test('predict, classify(), ONNX and the Hugging Face folder give the same answers', async () => {
    writeFileSync(at('prior.json'), '{"ant": 3, "bee": 1}');
    const { prior, bias } = adapted('adapt run --data data --prior prior.json --error-cost 1.5 --coverage 0.6');
    assert.deepEqual(prior, { from: 'file', source: 'prior.json', shares: [0.75, 0.25, 0] });
    assert.equal(bias[2], -1e4);
    const answer = predicted(`run ${image}`);
    assert.deepEqual(answer.top.map((each) => each.class).sort(), ['ant', 'bee']);
    assert.ok(answer.set !== undefined && !answer.set.includes('cat'));
    assert.equal(answer.unknown, answer.top[0]!.probability < 1 / 3);
    using model = await DeitLT.load(at('run'));
    assertSame(await model.classify(at(image), { top: 3 }), answer);
    done('export run --format onnx --out model.onnx');
    assertSame(predicted(`model.onnx ${image}`), answer);
    done('export run --format huggingface --out hub');
    assertSame(predicted(`hub/onnx/model.onnx ${image}`), answer);
    assert.match(readFileSync(at('hub/README.md'), 'utf8'), /The logits of the ONNX models are adapted/);
    const plain = predicted(`run ${image} --no-adaptation`);
    assert.equal(plain.set, undefined);
    assertSame(predicted(`hub ${image}`), plain);
    assert.match(done('export run --format torch --out model.pth').stderr, /weights alone, without the adaptation/);
  });

  test('the prior of a teacher moves its probabilities by Bayes’ rule, whatever its logit scale', () => {
    adapted('adapt run/teacher --data data');
    const before = predicted(`run/teacher ${image}`);
    writeFileSync(at('moved.json'), '{"ant": 0.5, "bee": 0.3, "cat": 0.2}');
    adapted('adapt run/teacher --data data --prior moved.json');
    const after = predicted(`run/teacher ${image}`);
    const shares: Record<string, number> = { ant: 0.5, bee: 0.3, cat: 0.2 };
    const moved = before.top.map(({ class: name, probability }) => ({ name, odds: probability * shares[name]! }));
    const sum = moved.reduce((all, { odds }) => all + odds, 0);
    for (const { name, odds } of moved) {
      const found = after.top.find((each) => each.class === name)!.probability;
      assert.ok(Math.abs(found - odds / sum) < 1e-4, `${name}: ${found}, expected ${odds / sum}`);
    }
    done('export run/teacher --format onnx --out teacher.onnx');
    assertSame(predicted(`teacher.onnx ${image}`), after);
  });

  test('estimates class frequencies, limits the classes, and takes other labelled images', () => {
    const { prior } = adapted('adapt run --data data --prior-from photos --only-classes ant cat');
    assert.deepEqual([prior.from, prior.source, prior.shares[1]], ['estimated', 'photos', 0]);
    assert.ok(Math.abs(prior.shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
    const damaged = done('adapt run --data data --prior-from damaged --only-classes ant cat --skip-bad --json');
    assert.match(damaged.stderr, /left out 1 of 3 images that cannot be read:\n.*cut\.png/);
    assert.deepEqual((JSON.parse(damaged.stdout) as Adaptation).prior.shares, prior.shares);
    const { fitted } = adapted('adapt model.onnx --calibration data/test');
    assert.deepEqual([fitted.data, fitted.imagesPerClass], ['data/test', [2, 2, 2]]);
    assert.ok(existsSync(at('model.onnx.adaptation.json')));
  });

  test('says which images of --calibration it uses, where there are training and test images', () => {
    const { stderr, stdout } = done('adapt run --calibration data --json');
    assert.deepEqual((JSON.parse(stdout) as Adaptation).fitted.imagesPerClass, [2, 2, 2]);
    assert.match(
      stderr,
      /--calibration data has 6 test images and \d+ training images: the fit uses the test images alone/,
    );
    assert.doesNotMatch(done('adapt run --calibration data/test').stderr, /evaluated|training images/);
  });

  test('keeps the promise of its sets when it predicts the images of the fit', () => {
    adapted('adapt run --calibration data/test --coverage 0.6 --min-precision 0.5');
    const { conformal, unknown } = JSON.parse(readFileSync(at('run/student/adaptation.json'), 'utf8')) as Adaptation;
    const lines = done('predict run data/test --format json-lines').stdout.trim().split('\n');
    const said = lines.map((line) => JSON.parse(line) as Opinion & { file: string });
    for (const name of ['ant', 'bee', 'cat']) {
      const sets = said.filter(({ file }) => file.includes(`/${name}/`)).map(({ set }) => set!);
      assert.ok(sets.filter((set) => set.includes(name)).length >= Math.ceil((sets.length + 1) * 0.6));
    }
    const size = said.reduce((sum, { set }) => sum + set!.length, 0) / said.length;
    assert.ok(Math.abs(size - conformal!.meanSize) < 1e-9, `${size}, ${conformal!.meanSize}`);
    assert.ok(Math.abs(said.filter((each) => !each.unknown).length / said.length - unknown!.coverage) < 1e-9);
  });

  test('an adaptation in the file of a model is named by predict, eval and adapt', () => {
    adapted('adapt run --data data --prior training');
    done('export run --format onnx --out inside.onnx');
    const { stderr } = done(`predict inside.onnx ${image} --no-adaptation`);
    assert.match(stderr, /inside\.onnx has an adaptation in it \(.*\), which --no-adaptation cannot leave out/);
    assert.match(done('eval inside.onnx --data data').stderr, /the prediction is measured with it/);
    adapted('adapt run/teacher --data data');
    done('export run/teacher --format onnx --out inside-teacher.onnx');
    const refused = run('adapt inside-teacher.onnx --calibration data/test');
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /is adapted already/);
  });

  const mistakes: readonly [words: string, status: number, message: RegExp][] = [
    ['adapt run', 2, /--data is missing/],
    ['adapt run --data data --prior tiny.yaml', 1, /tiny\.yaml: it is not JSON.*expected a share for each class/],
    ['adapt run --data data --prior twice.json', 1, /twice\.json: its key "ant" occurs twice/],
    ['adapt run --data data --prior-from damaged', 1, /1 image of 3 cannot be read:[\s\S]*cut\.png[\s\S]*--skip-bad/],
    ['adapt run --data data --only-classes ants', 1, /"ants" is not a class of the model: did you mean "ant"\?/],
    ['adapt run --data data --min-precision 0.9 --error-cost 5', 2, /--min-precision and --error-cost exclude/],
    ['adapt run --data data --calibration data/test', 2, /--data and --calibration exclude each other/],
    ['adapt run --data data --only-classes ant', 1, /a single class occurs/],
    ['adapt run --data data/test/ant', 1, /data\/test\/ant/],
  ];
  for (const [words, status, message] of mistakes)
    test(`refuses: ${words}`, () => {
      const earlier = existsSync(at('run/student/adaptation.json')) && readFileSync(at('run/student/adaptation.json'));
      const result = run(words);
      assert.equal(result.status, status, result.stderr);
      assert.match(result.stderr, message);
      assert.equal(result.stdout, '');
      assert.doesNotMatch(result.stderr, /\n\s+at /);
      if (earlier) assert.deepEqual(readFileSync(at('run/student/adaptation.json')), earlier);
    });

  test('an adaptation that is damaged or of other weights is refused by name, and can be left out', () => {
    const place = at('run/student/adaptation.json');
    const { stdout } = done('adapt run --data data --json');
    const other = { ...(JSON.parse(stdout) as Adaptation), sha256: 'f'.repeat(64) };
    for (const [text, reason] of [
      [JSON.stringify(other), /was made for other weights than those of/],
      [stdout.slice(0, 200), /adaptation\.json cannot be used: it is not JSON/],
      [stdout.replace(/"bias": \[[^\]]*\]/, '"bias": [1]'), /its arrays have not a value for each class/],
    ] as const) {
      writeFileSync(place, text);
      const { status, stderr } = run(`predict run ${image}`);
      assert.equal(status, 1);
      assert.match(stderr, reason);
      assert.match(stderr, /--no-adaptation/);
      const [, command = ''] = /[rR]un "(?:npx )?deit-lt ([^"]*)" again/.exec(stderr)!;
      assert.match(
        command,
        text === stdout.slice(0, 200) || text.includes('"bias": [1]')
          ? /^adapt \S+ --data DATA$/
          : /^adapt \S+run --data \S+data$/,
      );
    }
    assert.equal(run('export run --format onnx --out other.onnx').status, 1);
    assert.ok(!existsSync(at('other.onnx')));
    predicted(`run ${image} --no-adaptation`);
    rmSync(place);
  });

  test('a training that set nothing aside needs other images', () => {
    done('vit --data data --recipe tiny.yaml --out whole --set student.epochs=1');
    const { status, stderr } = run('adapt whole --data data');
    assert.equal(status, 2);
    assert.match(stderr, /set no images aside \(data\.validation is 0\)\. Give --calibration/);
  });
});
