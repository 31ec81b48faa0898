/** Exporters: the registry, `exportModel`, and those of modules of `--plugin`. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { builtInFormats } from '../src/export/formats.js';
import { exporterRegistry } from '../src/export/registry.js';
import { type Classifier, exportModel, openClassifier, registerExporter, z } from '../src/index.js';
import { trainTeacher } from '../src/training/train.js';
import { deitLt } from './cli-helpers.js';
import { ownProject } from './helpers/own-project.js';
import { fromPython, skipPython } from './helpers/python-torch.js';
import { tinyDataset, tinyRecipe } from './training-tiny.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-exporter-'));
const run = path.join(root, 'run');
let model: Classifier;

before(async () => {
  const linear = ['teacher.model.cosine=false', 'teacher.loss=balanced-softmax', 'teacher.drw.epoch=null'];
  const short = ['teacher.epochs=1', 'evaluation.select=last'];
  const recipe = tinyRecipe('teacher.model.width=4', ...linear, ...short);
  await trainTeacher({ dataset: tinyDataset(), recipe, folder: run });
  model = await openClassifier(run);
});
after(() => {
  model[Symbol.dispose]();
  rmSync(root, { recursive: true, force: true });
});

const inRoot = (name: string): string => path.join(root, name);
/** The weights of the classifier as the run has them. */
const weights = (): { shape: readonly number[]; values: number[] } =>
  torch.tidy(() => {
    const tensor = model.model.stateDict().get('linear.weight')!;
    return { shape: tensor.shape, values: [...tensor.contiguous().view([-1]).toTypedArray()].map(Number) };
  });

suite('the registry of exporters', () => {
  test('has the formats of the help', () => {
    assert.deepEqual(exporterRegistry.names().slice(0, builtInFormats.length), [...builtInFormats]);
  });
});

suite('exportModel()', () => {
  test('writes every format, and says how near the ONNX models are', async () => {
    const files = { safetensors: 'a/m.safetensors', torch: 'a/m.pth', onnx: 'a/m.onnx', huggingface: 'a/hub' } as const;
    for (const format of builtInFormats) {
      const out = inRoot(files[format]);
      const result = await exportModel(model, out, { format });
      assert.equal(result.out, out);
      assert.ok(existsSync(out), format);
      const checked = { safetensors: 0, torch: 0, onnx: 1, huggingface: 3 }[format];
      assert.equal(result.notes.length, checked);
      for (const note of result.notes) assert.match(note, /: run on \d+ images; largest difference|onnxruntime-node/);
    }
    assert.ok(readdirSync(inRoot('a/hub')).includes('README.md'));
    using reopened = await openClassifier(inRoot('a/m.safetensors'));
    assert.ok(
      torch.equal(reopened.model.stateDict().get('linear.weight')!, model.model.stateDict().get('linear.weight')!),
    );
  });

  test('refuses formats, options, endings and folders before it writes', async () => {
    const refused = async (out: string, options: { format: string; [key: string]: unknown }, expected: object) => {
      await assert.rejects(exportModel(model, inRoot(out), options), expected);
    };
    await refused('b.onnx', { format: 'onx' }, { code: 'USAGE', message: /did you mean "onnx"/ });
    await refused(
      'b.onnx',
      { format: 'onnx', precison: 'int8' },
      { code: 'USAGE', message: /did you mean "precision"/ },
    );
    await refused('b.onnx', { format: 'onnx', precision: 'int9' }, { code: 'USAGE', message: /precision: / });
    await refused(
      'b.pth',
      { format: 'onnx' },
      { code: 'USAGE', message: /b\.pth: expected a file that ends in \.onnx/ },
    );
    await refused('run', { format: 'huggingface' }, { code: 'RUN_FOLDER', message: /run is not empty/ });
    assert.deepEqual(
      readdirSync(root).filter((name) => name.startsWith('b')),
      [],
    );
  });
});

suite('registerExporter()', () => {
  const options = z.object({ text: z.string().default('weights').describe('what is written') });

  test('adds a format with options, of a file or a folder', async () => {
    registerExporter({
      name: 'note',
      ending: '.txt',
      options,
      create:
        ({ text }) =>
        ({ classNames }, file) => {
          writeFileSync(file, `${text} of ${classNames.length}`);
        },
    });
    registerExporter({
      name: 'notes',
      options,
      create:
        ({ text }) =>
        async (_, folder) => {
          writeFileSync(path.join(folder, 'a.txt'), text);
          return ['one file'];
        },
    });
    assert.deepEqual(await exportModel(model, inRoot('n/note.txt'), { format: 'note', text: 'x' }), {
      out: inRoot('n/note.txt'),
      notes: [],
    });
    assert.equal(readFileSync(inRoot('n/note.txt'), 'utf8'), 'x of 10');
    const { notes } = await exportModel(model, inRoot('n/folder'), { format: 'notes' });
    assert.deepEqual([notes, readFileSync(inRoot('n/folder/a.txt'), 'utf8')], [['one file'], 'weights']);
  });

  test('says what an entry lacks, and when it writes nothing', async () => {
    const refused = (message: RegExp) => ({ code: 'PLUGIN', message });
    const entry = { name: 'nothing', ending: '.bin', options: z.object({}), create: () => () => {} };
    assert.throws(() => registerExporter({ ...entry, name: 'onnx' }), refused(/an exporter "onnx" exists already/));
    assert.throws(() => registerExporter({ ...entry, ending: 'bin' }), refused(/ending of "nothing" must be/));
    const reserved = { ...entry, options: z.object({ format: z.string().default('') }) };
    assert.throws(() => registerExporter(reserved), refused(/cannot be registered: .*"format"/));
    registerExporter(entry);
    await assert.rejects(
      exportModel(model, inRoot('c.bin'), { format: 'nothing' }),
      refused(/it did not write \S+c\.bin/),
    );
  });
});

suite('examples/own-exporter', () => {
  test('writes what NumPy reads, also another tensor, and is a format only with its module', {
    skip: skipPython,
  }, (t) => {
    const cwd = ownProject(t, 'own-exporter');
    const plugin = ['--plugin', 'npy.mjs'];
    const words = ['export', run, '--format', 'npy', '--out'];
    const { status, stderr } = deitLt([...words, 'w.npy', ...plugin], { cwd });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^linear\.weight: \[10, 16\]$/m);
    const other = deitLt([...words, 'c.npy', '--option', 'tensor=conv1.weight', ...plugin], { cwd });
    assert.equal(other.status, 0, other.stderr);
    const read = (name: string) =>
      fromPython<{ shape: number[]; dtype: string; values: number[] }>(
        'import numpy\na = numpy.load(given)\nout = dict(shape=a.shape, dtype=str(a.dtype), values=a.reshape(-1).tolist())',
        path.join(cwd, name),
      );
    const { dtype, ...found } = read('w.npy');
    assert.equal(dtype, 'float32');
    assert.deepEqual(found, weights());
    assert.deepEqual(read('c.npy').shape, [4, 3, 3, 3]);
    const wrong = deitLt([...words, 'd.npy', '--option', 'tensor=conv9.weight', ...plugin], { cwd });
    assert.deepEqual([wrong.status, /tensor=conv9\.weight: the model has conv1/.test(wrong.stderr)], [2, true]);
    const without = deitLt([...words, 'e.npy'], { cwd });
    assert.deepEqual(
      [without.status, /no export format is called "npy"/.test(without.stderr)],
      [2, true],
      without.stderr,
    );
    assert.deepEqual(
      readdirSync(cwd).filter((name) => /^[de]\.npy/.test(name)),
      [],
    );
  });
});
