import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { native } from '../src/binding/addon.js';
import { layouts, memoryFormats, Tag } from '../src/binding/codec.js';

const root = path.resolve(import.meta.dirname, '../..');

suite('the words between JavaScript and C++', () => {
  test("codec.ts has the tags of native/codec.h's enum, with the same numbers", () => {
    const header = readFileSync(path.join(root, 'native/codec.h'), 'utf8');
    const names = /enum class Tag : int \{([^}]*)\}/.exec(header)?.[1]?.match(/\w+/g) ?? [];
    assert.deepEqual(Object.fromEntries(names.map((name, i) => [name, i])), { ...Tag });
  });

  test("codec.ts has libtorch's numbers of memory formats and layouts", () => {
    const { includeDirs } = (
      JSON.parse(readFileSync(path.join(root, 'build/current.json'), 'utf8')) as { libtorch: { includeDirs: string[] } }
    ).libtorch;
    const source = (file: string) => {
      // The enums moved to torch/headeronly in 2.9; the old headers then only include them.
      const places = includeDirs.flatMap((folder) =>
        ['torch/headeronly/core', 'c10/core'].map((place) => path.join(folder, place, file)),
      );
      const found = places.find((place) => existsSync(place));
      if (found === undefined) throw new Error(`${file} is in none of ${includeDirs.join(', ')}`);
      return readFileSync(found, 'utf8');
    };
    const enumNames = (text: string, name: string) =>
      (new RegExp(`enum class (?:C10_API_ENUM )?${name} : int8_t \\{([^}]*)\\}`).exec(text)?.[1] ?? '').match(/\w+/g) ??
      [];
    const formats = enumNames(source('MemoryFormat.h'), 'MemoryFormat');
    assert.deepEqual(formats.slice(0, 4), ['Contiguous', 'Preserve', 'ChannelsLast', 'ChannelsLast3d']);
    assert.deepEqual(Object.values(memoryFormats), [0, 1, 2, 3]);
    const known = enumNames(source('Layout.h'), 'Layout');
    assert.deepEqual(known.slice(0, 7), [
      'Strided',
      'Sparse',
      'SparseCsr',
      'Mkldnn',
      'SparseCsc',
      'SparseBsr',
      'SparseBsc',
    ]);
    assert.deepEqual(Object.values(layouts), [0, 1, 2, 3, 4, 5, 6]);
  });
});

suite('generated operators', () => {
  const python = process.env.PYTHON_TORCH ?? '/usr/bin/python3';
  const version = native().buildInfo().version;
  const hasPython = spawnSync(python, ['-c', 'import torch']).status === 0;
  const reason = !version.startsWith('1.13.')
    ? `libtorch is ${version}; the files are those of 1.13`
    : !hasPython
      ? `${python} has no torch`
      : false;

  test('are what scripts/generate-operators.mjs gives for this libtorch', { skip: reason }, () => {
    const check = spawnSync(process.execPath, [path.join(root, 'scripts/generate-operators.mjs'), '--check'], {
      encoding: 'utf8',
    });
    assert.equal(check.status, 0, check.stderr);
  });
});
