// Writes docs/torch-api.md from the doc comments and signatures of the compiled declarations (dist/src/*.d.ts), the
// introductions in api-page-text.mjs and the tables of error codes. `--check` compares instead of writing and fails on
// a difference. Compile first: npx tsc --build
//
//   node packages/torch/scripts/generate-api-page.mjs [--check]
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { membersOf, parseModule, resolve } from '../../../scripts/api-page/declarations.mjs';
import { contentsOf, describePackage, writeOrCheck } from '../../../scripts/api-page/describe-package.mjs';
import { errorCodes, preface, sections } from './api-page-text.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const compiled = path.join(root, 'dist/src');

/** Classes whose members are many or central: under a heading of their own. */
const withHeading = new Set(['Tensor', 'Generator', 'Scope', 'Module', 'Parameter', 'Optimizer', 'SafetensorsFile']);
/** Classes that callers get and do not make. */
const notMade = new Set([
  'Tensor',
  'Work',
  'SafetensorsFile',
  'Scope',
  'BridgeError',
  'TorchError',
  'SafetensorsError',
]);
/** What the package has for itself in its classes, and types that only those name. */
const internalMembers = new Set(['extraRepr', 'name', 'Scope.owned', 'Scope.outer', 'Scope.close']);
const internalTypes = new Set(['AtenOperators', 'TensorBase', 'TensorOwner', 'Header', 'Checks']);

/** @returns {Record<string, number>} */
function generatedCounts() {
  const methods = resolve(path.join(compiled, 'tensor/methods.generated'), 'TensorMethods');
  const operators = resolve(path.join(compiled, 'ops.generated'), 'AtenOperators');
  if (!methods || !operators) throw new Error('internal: the generated declarations have another form');
  return {
    functions: parseModule(path.join(compiled, 'functions.generated')).exports.size,
    methods: membersOf(methods).length,
    operators: membersOf(operators).length,
  };
}

/** Fails when a code of the sources has no text here, or the other way round. @param {string} name @param {string[]} codes */
function requireSameCodes(name, codes) {
  const told = Object.keys(errorCodes[name] ?? {});
  const wrong = [...codes.filter((code) => !told.includes(code)), ...told.filter((code) => !codes.includes(code))];
  if (wrong.length > 0)
    throw new Error(`api-page-text.mjs: the codes of ${name} differ from the sources': ${wrong.join(', ')}`);
}

/** The codes that a class of errors takes, from the type of its `code`. @param {string} name */
function codesOf(name) {
  const declaration = resolve(path.join(compiled, 'errors'), name);
  const type = declaration && membersOf(declaration).find((member) => member.name === 'code')?.signatures[0];
  return [...(type ?? '').matchAll(/'(\w+)'/g)].map(([, code = '']) => code);
}

/** Code by cause, from the table in the sources. @returns {Map<string, string>} */
function safetensorsCauses() {
  const table = resolve(path.join(compiled, 'safetensors/error'), 'safetensorsCodes');
  if (!table) throw new Error('internal: safetensorsCodes is gone');
  return new Map(
    membersOf(table).map(({ name, signatures: [text = ''] }) => [
      name,
      text.slice(name.length + 3, -1).replaceAll("\\'", "'"),
    ]),
  );
}

/** A cause as a sentence, with the format's own words as code. @param {string} text */
function sentence(text) {
  const start = /^(data_offsets|__metadata__)\b/.test(text) ? text : `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return `${start.replace(/__metadata__|data_offsets|\{\}|\{$/g, '`$&`')}.`;
}

/** @param {string} name @param {string} intro @param {Map<string, string>} [causes] */
function errorTable(name, intro, causes) {
  const rows = Object.entries(errorCodes[name] ?? {}).map(
    ([code, [cause, next]]) => `| \`${code}\` | ${causes ? sentence(causes.get(code) ?? '') : cause} | ${next} |`,
  );
  return ['', `### ${name}`, '', intro, '', '| code | cause | what to do |', '| --- | --- | --- |', ...rows];
}

function errorReference() {
  const causes = safetensorsCauses();
  requireSameCodes('TorchError', codesOf('TorchError'));
  requireSameCodes('BridgeError', codesOf('BridgeError'));
  requireSameCodes('SafetensorsError', [...causes.keys()]);
  return [
    ...errorTable('TorchError', '`torch.TorchError`: an operator or function was not called as it must be, or failed.'),
    ...errorTable(
      'BridgeError',
      '`torch.BridgeError`: the addon cannot be loaded; thrown by the first call that needs it.',
    ),
    ...errorTable(
      'SafetensorsError',
      '`torch.safetensors.SafetensorsError`: see `path`, `tensor`, `expected` and `found` of the error.',
      causes,
    ),
    ...errorTable('SetupError', 'Of `deit-torch-setup`: printed as a message, without a stack trace; not exported.'),
  ];
}

const body = describePackage({
  compiled,
  entries: { torch: 'index' },
  sections,
  counts: generatedCounts(),
  withHeading,
  notMade,
  internalMembers,
  internalTypes,
  briefConstants: new Set(['torch.ops', 'torch.safetensors.safetensorsCodes']),
});
writeOrCheck({
  page: path.resolve(root, '../../docs/torch-api.md'),
  lines: [preface, '', contentsOf(sections), '', ...body, ...errorReference()],
  generator: 'packages/torch/scripts/generate-api-page.mjs',
  shown: 'docs/torch-api.md',
});
