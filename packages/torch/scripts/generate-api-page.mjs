// Writes docs/torch-api.md from the doc comments and signatures of the compiled declarations (dist/src/*.d.ts), the
// introductions in api-page-text.mjs and the tables of error codes. `--check` compares instead of writing and fails on
// a difference. Compile first: npx tsc --build
//
//   node packages/torch/scripts/generate-api-page.mjs [--check]
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { errorCodes, preface, sections } from './api-page-text.mjs';
import { basesOf, membersOf, onOneLine, parseModule, readableSignature, resolve } from './declarations.mjs';

/** @typedef {import('./declarations.mjs').Declaration} Declaration */
/** @typedef {import('./declarations.mjs').Member} Member */
/** @typedef {import('./api-page-text.mjs').Section} Section */
/** @typedef {{ name: string, shown: string, declaration: Declaration }} Entry an export: `gelu`, `torch.nn.functional.gelu` */

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const compiled = path.join(root, 'dist/src');
const page = path.resolve(root, '../../docs/torch-api.md');

/** Classes whose members are many or central: under a heading of their own. */
const withHeading = new Set(['Tensor', 'Generator', 'Scope', 'Module', 'Parameter', 'Optimizer', 'SafetensorsFile']);
/** Classes that callers get and do not make. */
const notMade = new Set(['Tensor', 'SafetensorsFile', 'Scope', 'BridgeError', 'TorchError', 'SafetensorsError']);
/** What the package has for itself in its classes, and types that only those name. */
const internalMembers = new Set(['extraRepr', 'name', 'Scope.owned', 'Scope.outer', 'Scope.close']);
const internalTypes = new Set(['AtenOperators', 'TensorBase', 'TensorOwner', 'Header', 'Checks']);

/** All exports by namespace (`torch.nn`) and file, generated ones apart. */
function collectExports() {
  /** @type {Map<string, Entry[]>} */
  const byPlace = new Map();
  const visit = (/** @type {string} */ file, /** @type {string} */ namespace) => {
    for (const [name, origin] of parseModule(file).exports) {
      if ('namespace' in origin) visit(origin.namespace, `${namespace}.${name}`);
      else if (!origin.file.endsWith('.generated')) {
        const declaration = parseModule(origin.file).declarations.get(origin.name);
        if (!declaration) throw new Error(`internal: ${origin.file}.d.ts does not declare ${origin.name}`);
        const place = `${namespace} ${path.relative(compiled, origin.file)}`;
        byPlace.set(place, [...(byPlace.get(place) ?? []), { name, shown: `${namespace}.${name}`, declaration }]);
      }
    }
  };
  visit(path.join(compiled, 'index'), 'torch');
  return byPlace;
}

const places = collectExports();
/** Types that have been described already, or that have a line of their own. @type {Set<Declaration>} */
const described = new Set();

const bullet = (/** @type {number} */ level, /** @type {string[]} */ codes, /** @type {string} */ doc) =>
  `${'  '.repeat(level)}- ${codes.map((code) => `\`${code}\``).join('<br>')}${doc === '' ? '' : ` — ${doc}`}`;

/** The types that texts name and nobody has described yet, with theirs. @param {string[]} texts @param {string} file @param {number} level */
function namedTypes(texts, file, level) {
  /** @type {string[]} */
  const lines = [];
  for (const name of new Set(texts.flatMap((text) => onOneLine(text).match(/\b[A-Z]\w+/g) ?? []))) {
    const declaration = resolve(file, name);
    if (!declaration || internalTypes.has(name) || described.has(declaration)) continue;
    if (declaration.kind === 'interface' || declaration.kind === 'type')
      lines.push(...describeType(declaration, level));
  }
  return lines;
}

/** `keyof typeof table` as the names that it stands for. @param {string} text @param {string} file */
function withNames(text, file) {
  return text.replace(/\bkeyof typeof (\w+)/g, (whole, name) => {
    const table = resolve(file, name);
    return table
      ? membersOf(table)
          .map((member) => `'${member.name}'`)
          .join(' | ')
      : whole;
  });
}

/** @param {Declaration} declaration @param {number} level */
function describeType(declaration, level) {
  described.add(declaration);
  const { kind, name, doc, texts, file, source } = declaration;
  const text = withNames((texts[0] ?? '').replace(/^(export )?(declare )?(interface|type) /, ''), file);
  const bases = kind === 'interface' ? basesOf(declaration) : [];
  const inherited = bases.length > 0 ? ` extends ${bases.join(', ')}` : '';
  const isFlat = kind === 'type' && !/^\w+(<.*>)? = \{/.test(text);
  const lines = [bullet(level, [kind === 'type' ? (isFlat ? text : name) : `${name}${inherited}`], doc)];
  if (!isFlat)
    for (const member of membersOf(declaration)) lines.push(bullet(level + 1, member.signatures, member.doc));
  return [...lines, ...namedTypes([source], file, level)];
}

/** @param {Entry} entry */
function describeFunction({ name, shown, declaration: { texts, doc, file, name: own } }) {
  const signatures = texts.map((text) =>
    withNames(readableSignature(text.replace(/^.*?function /, '')), file).replace(own, () => shown),
  );
  if (name !== own) throw new Error(`internal: ${own} is exported as ${name}`);
  return [bullet(0, signatures, doc), ...namedTypes(texts, file, 1)];
}

/** A constant, with its members when it is an object. @param {Entry} entry */
function describeConstant({ shown, declaration }) {
  const { texts, doc } = declaration;
  const type = (texts[0] ?? '').replace(/^.*?(const|let) \w+: /, '');
  if (!type.startsWith('{') || shown.endsWith('safetensorsCodes') || shown.endsWith('.ops')) {
    const short = type.startsWith('{') ? '' : `: ${type}`;
    return [bullet(0, [`${shown}${short}`], doc)];
  }
  const lines = membersOf(declaration).map((member) =>
    bullet(
      1,
      member.signatures.map((signature) => `${shown}.${signature}`),
      member.doc,
    ),
  );
  return [bullet(0, [shown], doc), ...lines, ...namedTypes(texts, declaration.file, 1)];
}

/** The constructor that a class has, its own or inherited. @param {Declaration} declaration @returns {Member | undefined} */
function constructorOf(declaration) {
  const own = membersOf(declaration).find(({ kind }) => kind === 'constructor');
  if (own) return own;
  const [base] = basesOf(declaration).map((name) => resolve(declaration.file, name));
  return base && base.kind === 'class' ? constructorOf(base) : undefined;
}

/** @param {Entry} entry @param {number} depth of the heading around it */
function describeClass({ name, shown, declaration }, depth) {
  const members = membersOf(declaration).filter(
    (member) => !internalMembers.has(member.name) && !internalMembers.has(`${name}.${member.name}`),
  );
  const construct = notMade.has(name) ? undefined : constructorOf(declaration);
  const isAbstract = / abstract class /.test(declaration.texts[0] ?? '');
  const isMade = !isAbstract && !notMade.has(name);
  const made = `new ${shown}${construct?.signatures[0]?.slice('constructor'.length) ?? '()'}`;
  const header = isMade ? made : `${isAbstract ? 'abstract class' : 'class'} ${shown}`;
  const doc = [declaration.doc, isMade ? construct?.doc : ''].filter(Boolean).join(' ');
  const isHeaded = withHeading.has(name);
  const told = describeMembers(members, isHeaded ? 0 : 1);
  const named = [
    ...(construct?.signatures ?? []),
    ...members.flatMap(({ kind, signatures }) => (kind === 'constructor' ? [] : signatures)),
  ];
  const types = namedTypes(named, declaration.file, isHeaded ? 0 : 1);
  if (!isHeaded) return [bullet(0, [header], doc), ...told, ...types];
  const typesPart = types.length > 0 ? ['', `Types of ${name}:`, '', ...types] : [];
  return ['', `${'#'.repeat(depth + 1)} class ${name}`, '', `\`${header}\` — ${doc}`, '', ...told, ...typesPart, ''];
}

/** Properties that speak for themselves on one line, then a line for each other member. @param {Member[]} members @param {number} level */
function describeMembers(members, level) {
  const plain = members.filter(({ kind, doc }) => kind === 'property' && doc === '');
  const names = plain.map(({ signatures }) => `\`${signatures[0]}\``).join(', ');
  const rest = members.filter((member) => member.kind !== 'constructor' && !plain.includes(member) && isNews(member));
  return [
    ...(plain.length > 0 ? [`${'  '.repeat(level)}- Properties: ${names}`] : []),
    ...rest.map((member) => bullet(level, member.signatures, member.doc)),
  ];
}

/** An overriding method without a comment says nothing new, but for the arguments of a `forward`. @param {Member} member */
function isNews({ name, doc, signatures: [signature = ''] }) {
  if (doc !== '') return true;
  if (name === 'forward') return !/^forward\((input: Tensor|\.\.\.args: A)\)/.test(signature);
  return name !== 'toString';
}

/** @param {Entry} entry @param {number} depth */
function describeEntry(entry, depth) {
  const { kind } = entry.declaration;
  if (kind === 'function') return describeFunction(entry);
  if (kind === 'class') return describeClass(entry, depth);
  if (kind === 'const') return describeConstant(entry);
  return [];
}

/** Bullets first, then types that no signature has named, then classes with headings. @param {Entry[]} entries @param {number} depth */
function describeEntries(entries, depth) {
  const headed = entries.filter(({ name }) => withHeading.has(name));
  const lines = entries.filter((entry) => !headed.includes(entry)).flatMap((entry) => describeEntry(entry, depth));
  const classes = headed.flatMap((entry) => describeEntry(entry, depth));
  const types = entries.flatMap(({ declaration }) => {
    const isType = declaration.kind === 'interface' || declaration.kind === 'type';
    return isType && !described.has(declaration) ? describeType(declaration, 0) : [];
  });
  return [...lines, ...types, ...classes];
}

/** @param {Section} section @param {number} level @returns {string[]} */
function describeSection({ title, intro = '', of = [], parts = [] }, level) {
  const entries = of.flatMap(([namespace, file]) => {
    const found = places.get(`${namespace} ${file}`);
    if (!found) throw new Error(`api-page-text.mjs: ${namespace} exports nothing from ${file} (section ${title})`);
    places.delete(`${namespace} ${file}`);
    return found;
  });
  const text = intro.replace(/\{(\w+)\}/g, (_, name) => String(generatedCounts()[name]));
  const lines = [
    `${'#'.repeat(level)} ${title}`,
    '',
    ...(text === '' ? [] : [text, '']),
    ...describeEntries(entries, level),
    '',
  ];
  return [...lines, ...parts.flatMap((part) => describeSection(part, level + 1))];
}

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

function writePage() {
  const body = sections.flatMap((section) => describeSection(section, 2));
  if (places.size > 0) throw new Error(`api-page-text.mjs: in no section: ${[...places.keys()].join(', ')}`);
  const banner = '<!-- Generated by packages/torch/scripts/generate-api-page.mjs; do not edit. -->';
  const contents = sections.map(({ title }) => `[${title}](#${title.toLowerCase().replaceAll(' ', '-')})`).join(' · ');
  const text = [banner, preface, '', contents, '', ...body, ...errorReference(), ''].join('\n');
  return text.replace(/\n{3,}/g, '\n\n');
}

const text = writePage();
if (process.argv.includes('--check')) {
  let known = '';
  try {
    known = readFileSync(page, 'utf8');
  } catch {
    // Not there: it differs.
  }
  if (known !== text) {
    console.error(
      'docs/torch-api.md is not what the doc comments give. Run: node packages/torch/scripts/generate-api-page.mjs',
    );
    process.exitCode = 1;
  }
} else {
  writeFileSync(page, text);
  console.log(`docs/torch-api.md: ${text.split('\n').length} lines`);
}
