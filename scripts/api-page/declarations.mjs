// Reads the declaration files (.d.ts) that the TypeScript compiler wrote: what a module exports, with doc comments and
// signatures. Knows the compiler's own layout of such files, which is regular, and not TypeScript at large.
import { readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * @typedef {object} Statement
 * @property {string} doc the text of the doc comment before it, on one line; '' without one
 * @property {string} text from its first character to its last, comments within included
 */

/**
 * @typedef {object} Declaration a function (all overloads), class, interface, type or constant
 * @property {'function' | 'class' | 'interface' | 'type' | 'const' | 'let'} kind
 * @property {string} name
 * @property {string} file without `.d.ts`
 * @property {string} doc that of the first overload which has one
 * @property {string[]} texts one for each overload, without comments, on one line
 * @property {string} source the first text as it stands in the file
 */

/** @typedef {{ file: string, name: string } | { namespace: string }} Origin where an export comes from */

/**
 * @typedef {object} ParsedModule
 * @property {string} file
 * @property {Map<string, Declaration>} declarations
 * @property {Map<string, Origin>} imports local names that come from other files
 * @property {Map<string, Origin>} exports
 */

/**
 * @typedef {object} Member
 * @property {string} name
 * @property {'method' | 'property' | 'constructor'} kind
 * @property {string} doc
 * @property {string[]} signatures one for each overload
 */

const closing = new Set([')', ']', '}']);
const opening = new Set(['(', '[', '{']);

/** The index after a string, template or comment that begins at `at`; `at` itself when none begins there. */
function skipOpaque(/** @type {string} */ text, /** @type {number} */ at) {
  if (text.startsWith('/*', at)) return text.indexOf('*/', at + 2) + 2;
  if (text.startsWith('//', at)) {
    const end = text.indexOf('\n', at);
    return end < 0 ? text.length : end;
  }
  const quote = text.charAt(at);
  if (quote !== "'" && quote !== '"' && quote !== '`') return at;
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === quote) return i + 1;
  }
  throw new Error(`internal: a string has no end: ${text.slice(at, at + 40)}`);
}

const isBlock = (/** @type {string} */ text) =>
  /^(export\s+)?(default\s+)?(declare\s+)?(abstract\s+)?(class|interface|enum|namespace)\b/.test(text);

/**
 * Splits a file, or what stands between the braces of a class, into its statements. Of several comments before a
 * statement the last one is its own: the others are the file's.
 *
 * @param {string} text
 * @returns {Statement[]}
 */
export function splitStatements(text) {
  /** @type {Statement[]} */
  const found = [];
  let doc = '';
  let from = -1;
  let depth = 0;
  for (let at = 0; at < text.length; ) {
    const next = skipOpaque(text, at);
    if (next > at) {
      if (from < 0 && text.startsWith('/**', at)) doc = docText(text.slice(at, next));
      else if (from < 0 && !text.startsWith('/', at)) from = at;
      at = next;
      continue;
    }
    const c = text.charAt(at++);
    if (from < 0) {
      if (/\s/.test(c)) continue;
      from = at - 1;
    }
    if (opening.has(c)) depth++;
    if (closing.has(c)) depth--;
    if (depth > 0) continue;
    // The brace that closes a class ends its line; one in the class's type parameters does not.
    const ends = c === ';' || (c === '}' && /^(\n|$)/.test(text.slice(at)) && isBlock(text.slice(from, at)));
    if (!ends) continue;
    found.push({ doc, text: text.slice(from, at) });
    doc = '';
    from = -1;
  }
  const rest = from < 0 ? '' : text.slice(from).trim();
  if (rest !== '') throw new Error(`internal: a statement has no end: ${rest.slice(0, 80)}`);
  return found;
}

/** The text of a doc comment, on one line. @param {string} comment */
function docText(comment) {
  return comment
    .slice(3, -2)
    .replace(/^\s*\* ?/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Without comments, on one line, and without the compiler's semicolon before a closing brace. @param {string} text */
export function onOneLine(text) {
  let result = '';
  for (let at = 0; at < text.length; ) {
    const next = skipOpaque(text, at);
    if (next === at) result += text[at++];
    else {
      if (!text.startsWith('/', at)) result += text.slice(at, next);
      at = next;
    }
  }
  return result.replace(/\s+/g, ' ').replace(/; ?\}/g, ' }').replace(/;$/, '').trim();
}

/** The index of the bracket that closes the one at `at`. @param {string} text @param {number} at */
function closingOf(text, at) {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const next = skipOpaque(text, i);
    if (next > i) i = next - 1;
    else if (opening.has(text.charAt(i))) depth++;
    else if (closing.has(text.charAt(i)) && --depth === 0) return i;
  }
  throw new Error(`internal: a bracket has no end: ${text.slice(at, at + 80)}`);
}

/** Cuts at the commas that stand in no brackets of any kind. @param {string} text */
function splitAtCommas(text) {
  const parts = [''];
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    const isArrow = c === '>' && text[i - 1] === '=';
    if (opening.has(c) || c === '<') depth++;
    else if ((closing.has(c) || c === '>') && !isArrow) depth--;
    if (c === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += c;
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/**
 * A signature for readers: `f(x: Tensor, { a, b }?: Options): Tensor` with its destructured parameter as `options`.
 *
 * @param {string} text from the name to the end, on one line
 */
export function readableSignature(text) {
  const open = text.indexOf('(');
  if (open < 0) return text;
  const close = closingOf(text, open);
  const parameters = splitAtCommas(text.slice(open + 1, close)).map((parameter) => {
    if (!parameter.startsWith('{')) return parameter;
    return `options${parameter.slice(closingOf(parameter, 0) + 1)}`;
  });
  return `${text.slice(0, open)}(${parameters.join(', ')})${text.slice(close + 1)}`;
}

const declarationPattern =
  /^(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(function|class|interface|type|const|let)\s+([\w$]+)/;

/**
 * @param {string} file without `.d.ts`
 * @returns {ParsedModule}
 */
function parseFile(file) {
  /** @type {ParsedModule} */
  const module = { file, declarations: new Map(), imports: new Map(), exports: new Map() };
  for (const { doc, text } of splitStatements(readFileSync(`${file}.d.ts`, 'utf8'))) {
    const declared = declarationPattern.exec(text);
    if (declared) addDeclaration(module, declared, doc, text);
    else if (/^(im|ex)port\b/.test(text)) addLinks(module, onOneLine(text));
    else throw new Error(`internal: ${file}.d.ts has a statement of an unknown kind: ${text.slice(0, 80)}`);
  }
  return module;
}

/** @param {ParsedModule} module @param {RegExpExecArray} declared @param {string} doc @param {string} text */
function addDeclaration({ file, declarations, exports }, [, kind, name = ''], doc, text) {
  const known = declarations.get(name);
  if (known) {
    known.texts.push(onOneLine(text));
    known.doc ||= doc;
  } else {
    const declaration = { kind, name, file, doc, texts: [onOneLine(text)], source: text };
    declarations.set(name, /** @type {Declaration} */ (declaration));
  }
  if (text.startsWith('export')) exports.set(name, { file, name });
}

/** `import …` and `export … from …`. @param {ParsedModule} module @param {string} text */
function addLinks(module, text) {
  const from = /from '([^']+)'$/.exec(text)?.[1];
  const target = from?.startsWith('.') ? path.join(path.dirname(module.file), from.replace(/\.js$/, '')) : null;
  const namespace = /^export \* as (\w+) from/.exec(text)?.[1];
  if (namespace !== undefined && target) module.exports.set(namespace, { namespace: target });
  else if (text.startsWith('export') && from !== undefined && !target) {
    // another package's export, which its own documentation describes
  } else if (/^export \* from/.test(text) && target) {
    for (const [name, origin] of parseModule(target).exports) module.exports.set(name, origin);
  } else {
    for (const [local, shown] of namesIn(text)) {
      if (text.startsWith('import')) {
        if (target) module.imports.set(shown, { file: target, name: local });
      } else if (target) {
        const origin = parseModule(target).exports.get(local);
        if (!origin) throw new Error(`internal: ${target}.d.ts exports no ${local}`);
        module.exports.set(shown, origin);
      } else {
        module.exports.set(shown, module.imports.get(local) ?? { file: module.file, name: local });
      }
    }
  }
}

/** The names between the braces of an import or export, as [there, here]. @param {string} text @returns {[string, string][]} */
function namesIn(text) {
  const list = /\{(.*)\}/.exec(text)?.[1] ?? '';
  return splitAtCommas(list).map((item) => {
    const [there = '', here = there] = item.replace(/^type /, '').split(' as ');
    return [there, here];
  });
}

/** @type {Map<string, ParsedModule>} */
const parsed = new Map();

/** A module by its file without `.d.ts`, parsed once. @param {string} file @returns {ParsedModule} */
export function parseModule(file) {
  let module = parsed.get(file);
  if (module === undefined) {
    module = parseFile(file);
    parsed.set(file, module);
  }
  return module;
}

/** What a local name of a module stands for, wherever it is declared. @param {string} file @param {string} name */
export function resolve(file, name) {
  const module = parseModule(file);
  const origin = module.imports.get(name) ?? module.exports.get(name) ?? { file, name };
  if ('namespace' in origin) return undefined;
  return parseModule(origin.file).declarations.get(origin.name);
}

/** Whether callers may make an object of a class. @param {Declaration} declaration */
export const hasPrivateConstructor = ({ source }) => /^\s*(private|protected) constructor\b/m.test(source);

/** The names that a class or interface extends. @param {Declaration} declaration */
export function basesOf({ texts: [text = ''] }) {
  const header = withoutParameters(text.slice(0, Math.max(0, bodyStart(text)))).replace(/ implements .*$/, '');
  return splitAtCommas(header.split(' extends ')[1] ?? '');
}

/** Cuts type parameters, `<…>`, at any depth. @param {string} header */
function withoutParameters(header) {
  let depth = 0;
  let kept = '';
  for (const c of header) {
    if (c === '<') depth++;
    if (depth === 0) kept += c;
    if (c === '>') depth--;
  }
  return kept;
}

/** Where the braces of a class, interface or object type begin. @param {string} text */
function bodyStart(text) {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === '<') depth++;
    else if (c === '>' && text[i - 1] !== '=') depth--;
    else if (c === '{' && depth === 0) return i;
  }
  return -1;
}

/**
 * The public members that a class, interface or object type itself declares, but for those
 * that a symbol names, constants of the class, and for mapped types. Static methods have the class before their signature.
 *
 * @param {Declaration} declaration
 * @returns {Member[]}
 */
export function membersOf({ name: owner, source }) {
  const start = bodyStart(source);
  if (start < 0) return [];
  /** @type {Map<string, Member>} */
  const members = new Map();
  for (const { doc, text } of splitStatements(source.slice(start + 1, closingOf(source, start)))) {
    if (/^(private|protected|static readonly|set) |^#|^\[(Symbol\b|inspectCustom\])|^(readonly )?\[\w+ in /.test(text))
      continue;
    const isGetter = /^get [\w$]/.test(text);
    const plain = onOneLine(text).replace(/^((readonly|abstract|static|get) (?=[\w$'"]))+/, '');
    const signature = isGetter ? plain.replace('()', '') : readableSignature(plain);
    const shown = text.startsWith('static ') ? `${owner}.${signature}` : signature;
    const name = (/^('[^']*'|"[^"]*"|[\w$]+|\[[^\]]*\])/.exec(signature)?.[0] ?? '').replaceAll(/['"]/g, '');
    const isMethod = !isGetter && /^[\w$]+\??[(<]/.test(signature);
    const known = members.get(name);
    if (known) known.signatures.push(shown);
    else members.set(name, { name, kind: memberKind(name, isMethod), doc, signatures: [shown] });
  }
  return [...members.values()];
}

/** @param {string} name @param {boolean} isMethod @returns {Member['kind']} */
function memberKind(name, isMethod) {
  if (name === 'constructor') return 'constructor';
  return isMethod ? 'method' : 'property';
}
