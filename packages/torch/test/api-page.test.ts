import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as torch from '@deit-lt/torch';

const packageFolder = path.resolve(import.meta.dirname, '../..');
const page = readFileSync(path.resolve(packageFolder, '../../docs/torch-api.md'), 'utf8');
const source = (file: string): string => readFileSync(path.join(packageFolder, file), 'utf8');

/** Names of the functions that are described by rule. */
const generated = new Set([
  ...[...source('src/functions.generated.ts').matchAll(/^export function (\w+)/gm)].map(([, name]) => name),
  ...[...source('src/functions.generated.ts').matchAll(/\w+ as (\w+)/g)].map(([, name]) => name),
]);

/** Dotted names of everything that a namespace exports at run time, and of what is in its namespaces. */
function exportsOf(namespace: object, name: string): string[] {
  return Object.entries(namespace).flatMap(([key, value]: [string, unknown]) => {
    const full = `${name}.${key}`;
    if (name === 'torch' && generated.has(key)) return [];
    const isNamespace = Object.prototype.toString.call(value) === '[object Module]';
    return isNamespace ? exportsOf(value as object, full) : [full];
  });
}

/** Whether a name stands at the beginning of a code span, alone or after `new`, `class` or `abstract class`. */
const isDescribed = (name: string): boolean =>
  new RegExp(`\`(new |(abstract )?class )?${name.replaceAll('.', '\\.')}(?![\\w.])`).test(page);

suite('docs/torch-api.md', () => {
  test('is what the doc comments give', () => {
    const script = path.join(packageFolder, 'scripts/generate-api-page.mjs');
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });

  test('has every export but the generated functions', () => {
    const names = exportsOf(torch, 'torch');
    for (const name of [
      'torch.tidy',
      'torch.nn.functional.gelu',
      'torch.nn.init.eye_',
      'torch.optim.schedules.cosine',
      'torch.safetensors.open',
    ])
      assert.ok(names.includes(name), `${name} is not among the exports`);
    assert.deepEqual(
      names.filter((name) => !isDescribed(name)),
      [],
    );
  });

  test('has every method of Tensor that is written by hand', () => {
    const names = Object.getOwnPropertyNames(torch.Tensor.prototype).filter((name) => name !== 'constructor');
    const section = page.slice(page.indexOf('\n### class Tensor'), page.indexOf('\nTypes of Tensor:'));
    assert.deepEqual(
      names.filter((name) => !new RegExp(`^- \`${name}[(:<]`, 'm').test(section)),
      [],
    );
  });

  test('names the number of generated functions', () => {
    assert.match(page, new RegExp(`^${generated.size} functions `, 'm'));
  });

  test('is missed when an export is not on it', () => {
    assert.ok(!isDescribed('torch.nn.functional.gel'));
    assert.ok(!isDescribed('torch.noSuchFunction'));
  });
});

/** The codes in the first column of the table below a heading. */
function codesOnPage(heading: string): string[] {
  const table = page.split(`\n### ${heading}\n`)[1]?.split('\n#')[0] ?? '';
  return [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, code = '']) => code).toSorted();
}

/** The quoted words of the type of `code` in a class. */
function codesInSource(name: string): string[] {
  const type = new RegExp(`class ${name} [\\s\\S]*?readonly code:([^,]*),`).exec(source('src/errors.ts'))?.[1] ?? '';
  return [...type.matchAll(/'(\w+)'/g)].map(([, code = '']) => code).toSorted();
}

suite('the error reference', () => {
  for (const name of ['TorchError', 'BridgeError']) {
    test(`has the codes of ${name}`, () => {
      assert.ok(codesInSource(name).length > 0);
      assert.deepEqual(codesOnPage(name), codesInSource(name));
    });
  }

  test('has the codes of SafetensorsError', () => {
    assert.deepEqual(codesOnPage('SafetensorsError'), Object.keys(torch.safetensors.safetensorsCodes).toSorted());
  });

  test('has the codes of SetupError that the set-up of this package throws', () => {
    const files = readdirSync(path.join(packageFolder, 'setup')).filter(
      (file) => file.endsWith('.mjs') && !file.includes('.test.'),
    );
    const thrown = files.flatMap((file) => [
      ...source(`setup/${file}`).matchAll(/new SetupError\([\s\S]*?'([A-Z_]+)',?\s*\)/g),
    ]);
    assert.deepEqual(codesOnPage('SetupError'), [...new Set(thrown.map(([, code = '']) => code))].toSorted());
  });
});

interface Statement {
  doc: string;
  text: string;
}
interface Parser {
  splitStatements(text: string): Statement[];
  readableSignature(text: string): string;
  onOneLine(text: string): string;
}
const parser = (await import(
  pathToFileURL(path.resolve(packageFolder, '../../scripts/api-page/declarations.mjs')).href
)) as Parser;

suite("the page's reader of declarations", () => {
  test('splits statements at semicolons and closing braces that stand in no brackets', () => {
    const text = `/** The file. */
/** A class; with \`}\`. */
export declare class A<T extends { a: 1 } = { a: 1 }> extends B<T> {
    /** A member. */
    b(c: { d: ';' }): void;
}
export declare function f(g: () => { h: number; }): "}"; // an end
`;
    assert.deepEqual(
      parser.splitStatements(text).map(({ doc, text }) => [doc, text.slice(0, 24), text.at(-1)]),
      [
        ['A class; with `}`.', 'export declare class A<T', '}'],
        ['', 'export declare function ', ';'],
      ],
    );
  });

  test('shows destructured parameters as options', () => {
    assert.equal(
      parser.readableSignature(
        'f(a: Map<string, number>, { b, c: { d } }?: { b?: number }, ...rest: [e: 1, f: 2]): { g: 1 }',
      ),
      'f(a: Map<string, number>, options?: { b?: number }, ...rest: [e: 1, f: 2]): { g: 1 }',
    );
  });

  test('drops comments, line breaks and last semicolons', () => {
    assert.equal(parser.onOneLine("{\n  /** Not me. */\n  a: '/* me */';\n}"), "{ a: '/* me */' }");
  });

  test('reports a statement or string without an end', () => {
    assert.throws(() => parser.splitStatements('export declare const a'), /internal: a statement has no end/);
    assert.throws(() => parser.splitStatements("type A = 'b;"), /internal: a string has no end/);
  });
});
