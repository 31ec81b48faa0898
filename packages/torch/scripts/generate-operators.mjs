// Writes src/tensor/methods.generated.ts, src/functions.generated.ts and src/ops.generated.ts from the
// operators of the built bridge's libtorch and from the names that PyTorch's Python front end gives to
// tensors' methods and to functions. `--check` compares instead of writing and fails on a difference. Operators that do
// not check their arguments (src/binding/unsafe.ts) get neither method nor function. Compile first: npx tsc --build
//
//   node packages/torch/scripts/generate-operators.mjs [--check]
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { unsafeReason } from '../dist/src/binding/unsafe.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const record = JSON.parse(readFileSync(path.join(root, 'build/current.json'), 'utf8'));
const addon = createRequire(import.meta.url)(path.join(root, 'build', record.addon));
const python = process.env.PYTHON_TORCH ?? '/usr/bin/python3';

const names = JSON.parse(
  execFileSync(
    python,
    [
      '-c',
      'import torch, json; print(json.dumps({"methods": dir(torch.Tensor), "functions": dir(torch), "nn": dir(torch.nn.functional) + dir(torch._C._nn) + dir(torch.special) + dir(torch.linalg)}))',
    ],
    { encoding: 'utf8', maxBuffer: 1 << 24 },
  ),
);

// Written by hand in src/: they differ from the operator, or need more than it.
const byHand = new Set([
  'to',
  'item',
  'size',
  'stride',
  'dim',
  'numel',
  'cpu',
  'cuda',
  'float',
  'double',
  'half',
  'int',
  'long',
  'bool',
  'backward',
  'grad',
  'requires_grad_',
  'index',
  'is_leaf',
  'data',
  'type',
  'dtype',
  'shape',
  'layout',
  'device',
  'storage_offset',
  'names',
  'rename',
  'rename_',
  'refine_names',
  'align_to',
  'align_as',
  'set_data',
  'output_nr',
  'qscheme',
  'to_dense_backward',
  'record_stream',
  'tensor',
  'tensor_split_',
  'from_file',
  'eye_',
  'result_type',
  'is_storage',
]);
// Creation functions: written by hand in src/tensor/create.ts with this package's defaults.
const creation = new Set([
  'empty',
  'zeros',
  'ones',
  'full',
  'rand',
  'randn',
  'randint',
  'randperm',
  'arange',
  'linspace',
  'eye',
  'scalar_tensor',
]);
const reserved = new Set([
  'var',
  'in',
  'delete',
  'default',
  'new',
  'function',
  'with',
  'case',
  'if',
  'else',
  'switch',
  'void',
  'import',
  'export',
  'return',
]);

const isUnsafe = (name) => unsafeReason('aten', name) !== null;
const camel = (name) => name.replace(/(?<=[a-zA-Z0-9])_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
const safe = (name) => (reserved.has(name) ? `${name}_` : camel(name));
const supported = (type) => !/Dimname|Stream|Storage|Dict|\bt\[|Any|QScheme|__torch__|\bt\b|complex/.test(type);

/** Schemas by name, in the order in which overloads are tried (as src/binding/packet.ts ranks them). */
const rank = (overload) =>
  overload === 'Tensor' ? '0' : overload === '' ? '1' : overload.startsWith('Tensor') ? `2${overload}` : `3${overload}`;
const operators = Object.entries(addon.listOperators('aten'))
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, overloads]) => ({
    name,
    schemas: overloads
      .filter((overload) => !/[Dd]imname|names/.test(overload))
      .sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
      .map((overload) => addon.findOperator(`aten::${name}`, overload)),
  }));

function argumentType(type, { tensorOrNumber = false } = {}) {
  if (type.endsWith('?')) return `${argumentType(type.slice(0, -1), { tensorOrNumber })} | null`;
  const list = /^(.*)\[(\d*)\]$/.exec(type);
  if (list) {
    const item = argumentType(list[1]);
    const array = `readonly ${item.includes(' ') ? `(${item})` : item}[]`;
    return list[2] !== '' && list[1] !== 'Tensor' ? `${item} | ${array}` : array;
  }
  const simple = {
    Tensor: tensorOrNumber ? 'Tensor | number' : 'Tensor',
    Scalar: 'Scalar',
    int: 'number',
    float: 'number',
    bool: 'boolean',
    str: 'string',
    Device: 'Device',
    Generator: 'Generator',
    ScalarType: 'DType',
    Layout: 'Layout',
    MemoryFormat: 'MemoryFormat',
  };
  return simple[type] ?? 'never';
}

function resultType(schema) {
  const one = (type) => {
    if (type.endsWith('?')) return `${one(type.slice(0, -1))} | null`;
    const list = /^(.*)\[(\d*)\]$/.exec(type);
    if (list) return `${one(list[1])}[]`;
    return (
      {
        Tensor: 'Tensor',
        Scalar: 'Scalar',
        int: 'number',
        float: 'number',
        bool: 'boolean',
        str: 'string',
        ScalarType: 'number',
      }[type] ?? 'unknown'
    );
  };
  if (schema.returns.length === 0) return 'void';
  if (schema.returns.length === 1) return one(schema.returns[0].type);
  const named = schema.returns.every((r) => r.name && !['out'].includes(r.name));
  return `[${schema.returns.map((r) => (named ? `${camel(r.name)}: ${one(r.type)}` : one(r.type))).join(', ')}]`;
}

/** The parameter lists of one schema: with positional defaults inside the options, and in their places. */
function parameterLists(schema, { skipSelf = false, tensorOrNumber = false, variadic = false } = {}) {
  const written = new Set(schema.returns.map((r) => r.argument)); // a number cannot be written to
  const all = schema.arguments
    .map((a, i) => ({
      ...a,
      ts: argumentType(a.type, { tensorOrNumber: tensorOrNumber && !written.has(i) }),
      optional: a.hasDefault || a.type.endsWith('?'),
    }))
    .slice(skipSelf ? 1 : 0);
  const positional = all.filter((a) => !a.keywordOnly);
  const keyword = all.filter((a) => a.keywordOnly);
  const firstOptional = positional.findIndex((a) => a.optional);
  const required = firstOptional < 0 ? positional : positional.slice(0, firstOptional);
  const trailing = firstOptional < 0 ? [] : positional.slice(firstOptional);
  const field = (a) => `${camel(a.name)}${a.optional ? '?' : ''}: ${a.ts}`;
  const param = (a) => `${safe(a.name)}: ${a.ts}`;
  const optionsOf = (list) =>
    list.length === 0 ? [] : [`options${list.every((a) => a.optional) ? '?' : ''}: { ${list.map(field).join('; ')} }`];
  // The first of the trailing ones may be given in their places and the others by name: `t.sum(0, { keepdim: true })`.
  const lists = trailing.map((_, k) => [
    ...required.map(param),
    ...trailing.slice(0, k).map(param),
    ...optionsOf([...trailing.slice(k), ...keyword]),
  ]);
  if (trailing.length === 0) lists.push([...required.map(param), ...optionsOf(keyword)]);
  if (trailing.length > 0 && trailing.every((a) => a.optional) && !keyword.some((a) => !a.optional)) {
    lists.push([...required.map(param), ...trailing.map((a) => `${safe(a.name)}?: ${a.ts}`), ...optionsOf(keyword)]);
  }
  if (variadic && positional.at(-1)?.type === 'int[]') {
    lists.push([...required.slice(0, -1).map(param), `...${safe(positional.at(-1).name)}: number[]`]);
    if (keyword.length > 0)
      lists.push([
        ...required.slice(0, -1).map(param),
        `...${safe(positional.at(-1).name)}AndOptions: [...number[], { ${keyword.map(field).join('; ')} }]`,
      ]);
  }
  return lists.map((list) => list.join(', '));
}

const isOut = (schema) => schema.returns.some((r) => schema.arguments[r.argument]?.keywordOnly);
const usable = (schema) =>
  schema.arguments.every((a) => a.hasDefault || a.type.endsWith('?') || supported(a.type)) &&
  schema.arguments.every((a) => supported(a.type) || a.keywordOnly);
const text = (schema) => `${schema.name.slice(6)}${schema.overload ? `.${schema.overload}` : ''}`;

function overloadsText(name, schemas, options, prefix) {
  const lines = [];
  const seen = new Set();
  for (const schema of schemas)
    for (const list of parameterLists(schema, options)) {
      const line = `${prefix}${name}(${list}): ${resultType(schema)};`;
      if (seen.has(line)) continue;
      seen.add(line);
      lines.push(line);
    }
  return lines;
}

/**
 * Where the list stands that may be given number by number, `t.view(2, 3)`; -1 where none may. PyTorch's rule: the only
 * argument besides self. Not where another overload takes one integer in its place, as `hsplit(2)` does.
 */
function variadicAt(schemas) {
  const positional = (schema) => schema.arguments.filter((a) => !a.keywordOnly);
  for (const schema of schemas) {
    const list = positional(schema);
    const at = list.length - 1;
    const alone = at === (list[0]?.name === 'self' ? 1 : 0);
    if (!alone || list[at].type !== 'int[]' || list[at].hasDefault) continue;
    if (!schemas.some((other) => /^int\??$/.test(positional(other)[at]?.type ?? ''))) return at;
  }
  return -1;
}

const banner = `// Generated by scripts/generate-operators.mjs from libtorch ${addon.buildInfo().version}'s operators; do not edit.\n`;
const types = (up) => `import type { Layout, MemoryFormat, Scalar } from '${up}binding/codec.js';
import type { Generator } from '${up}random.js';
import type { Device } from '${up}devices.js';
import type { DType } from '${up}tensor/dtype.js';
import type { Tensor } from '${up}tensor/tensor.js';
`;
/** Of the methods, which `Tensor` extends: it is their type parameter, and `Generator` its base, so that no file imports itself through others. */
const typesOfMethods = `import type { Layout, MemoryFormat, Scalar } from '../binding/codec.js';
import type { GeneratorBase as Generator } from '../binding/generator.js';
import type { Device } from '../devices.js';
import type { DType } from '../tensor/dtype.js';
`;

function methods() {
  const wanted = new Set(names.methods.filter((n) => !n.startsWith('_') && !byHand.has(n)));
  const body = [];
  for (const { name, schemas } of operators) {
    if (!wanted.has(name) || isUnsafe(name)) continue;
    const fit = schemas.filter(
      (s) => !isOut(s) && usable(s) && s.arguments[0]?.type === 'Tensor' && s.arguments[0].name === 'self',
    );
    if (fit.length === 0) continue;
    const at = variadicAt(fit);
    body.push(
      `  /** \`aten::${name}\`: ${fit.map(text).join(', ')}. https://pytorch.org/docs/stable/generated/torch.Tensor.${name}.html */`,
    );
    body.push(...overloadsText(camel(name), fit, { skipSelf: true, variadic: at >= 0 }, '  '));
    body.push(`  ${camel(name)}(...args: unknown[]): unknown {`);
    body.push(
      at < 0
        ? `    return dispatch('${name}', [this, ...args]);`
        : `    return dispatchVariadic('${name}', [this, ...args], ${at});`,
    );
    body.push('  }', '');
  }
  return `${banner}import { dispatch, dispatchVariadic } from '../binding/packet.js';
import { TensorBase } from './base.js';
${typesOfMethods}
/** The methods that PyTorch's tensors share with its operators, under their names in camelCase. \`Tensor\` is the class that extends this one. */
export class TensorMethods<Tensor extends TensorBase> extends TensorBase {
${body.join('\n').trimEnd()}
}
`;
}

function functions() {
  const wanted = new Set([...names.functions].filter((n) => !n.startsWith('_') && !byHand.has(n) && !creation.has(n)));
  const body = [];
  const renamed = [];
  for (const { name, schemas } of operators) {
    if (!wanted.has(name) || isUnsafe(name)) continue;
    const fit = schemas.filter((s) => !isOut(s) && usable(s));
    if (fit.length === 0) continue;
    const exported = camel(name);
    const own = reserved.has(exported) ? `${exported}_` : exported;
    const at = variadicAt(fit);
    body.push(
      `/** \`aten::${name}\`: ${fit.map(text).join(', ')}. https://pytorch.org/docs/stable/generated/torch.${name}.html */`,
    );
    const keyword = own === exported ? 'export function ' : 'function ';
    body.push(...overloadsText(own, fit, { variadic: at >= 0 }, keyword));
    body.push(`${keyword}${own}(...args: unknown[]): unknown {`);
    body.push(at < 0 ? `  return dispatch('${name}', args);` : `  return dispatchVariadic('${name}', args, ${at});`);
    body.push('}', '');
    if (own !== exported) renamed.push(`${own} as ${exported}`);
  }
  if (renamed.length > 0) body.push(`export { ${renamed.join(', ')} };`);
  return `${banner}import { dispatch, dispatchVariadic } from './binding/packet.js';
${types('./')}
${body.join('\n').trimEnd()}
`;
}

function table() {
  return `${banner}${types('./')}
/** Every operator of the \`aten\` namespace by name and overload, but for those that do not check their arguments. */
export interface AtenOperators {
${tableOf((name) => !isUnsafe(name))}
}

/** The operators of the \`aten\` namespace that do not check their arguments. */
export interface UnsafeAtenOperators {
${tableOf(isUnsafe)}
}
`;
}

function tableOf(isWanted) {
  const body = [];
  for (const { name, schemas } of operators) {
    const fit = schemas.filter(usable);
    if (fit.length === 0 || !isWanted(name)) continue;
    body.push(
      `  ${/^[a-zA-Z_]\w*$/.test(name) ? name : JSON.stringify(name)}: ((...args: readonly unknown[]) => unknown) & {`,
    );
    for (const schema of fit)
      for (const list of new Set(parameterLists(schema, { tensorOrNumber: true })))
        body.push(`    ${schema.overload || 'default'}(${list}): ${resultType(schema)};`);
    body.push('  };');
  }
  return body.join('\n');
}

let stale = false;
for (const [file, content] of [
  ['src/tensor/methods.generated.ts', methods()],
  ['src/functions.generated.ts', functions()],
  ['src/ops.generated.ts', table()],
]) {
  const target = path.join(root, file);
  if (process.argv.includes('--check')) {
    let known = '';
    try {
      known = readFileSync(target, 'utf8');
    } catch {}
    if (known !== content) {
      stale = true;
      console.error(`${file} differs from what this libtorch gives`);
    }
  } else {
    writeFileSync(target, content);
    console.log(`${file}: ${content.split('\n').length} lines`);
  }
}
process.exit(stale ? 1 : 0);
