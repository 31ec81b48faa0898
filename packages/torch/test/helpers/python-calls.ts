/**
 * Method calls written in Python, `x.sum(0, keepdim=True)`, read as data, so that one line of a table is run by
 * the reference as it stands and by us as `x.sum(0, { keepdim: true })`.
 */
export interface PythonCall {
  source: string;
  self: string;
  method: string;
  args: Expression[];
  named: Record<string, Expression>;
}

/** A number, string, boolean, None, list, or the name of an input. */
export type Expression = number | string | boolean | null | Expression[] | { input: string };

const tokens = /\s*([A-Za-z_]\w*(?:\.\w+)?|-?\d+\.?\d*(?:e-?\d+)?|"[^"]*"|[()[\],=])/y;

export function parseCalls(text: string): PythonCall[] {
  return text
    .split(/[\n;]/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(parseCall);
}

function parseCall(source: string): PythonCall {
  const call = /^(\w+)\.(\w+)\((.*)\)$/.exec(source);
  if (call === null) throw new Error(`not a method call: ${source}`);
  const [, self = '', method = '', inner = ''] = call;
  const words = tokenize(inner);
  const result: PythonCall = { source, self, method, args: [], named: {} };
  while (words.length > 0) {
    if (words[1] === '=') {
      const name = words.shift() as string;
      words.shift();
      result.named[name] = parseExpression(words);
    } else {
      result.args.push(parseExpression(words));
    }
    if (words.length > 0 && words.shift() !== ',') throw new Error(`expected a comma: ${source}`);
  }
  return result;
}

function tokenize(text: string): string[] {
  const words: string[] = [];
  tokens.lastIndex = 0;
  while (tokens.lastIndex < text.length) {
    const token = tokens.exec(text)?.[1];
    if (token === undefined) throw new Error(`cannot read: ${text}`);
    words.push(token);
  }
  return words;
}

function parseExpression(words: string[]): Expression {
  const word = words.shift() as string;
  if (word === '[' || word === '(') {
    const items: Expression[] = [];
    while (words[0] !== ']' && words[0] !== ')') {
      items.push(parseExpression(words));
      if (words[0] === ',') words.shift();
    }
    words.shift();
    return items;
  }
  if (word === 'True' || word === 'False') return word === 'True';
  if (word === 'None') return null;
  if (word.startsWith('"')) return word.slice(1, -1);
  if (word.startsWith('torch.')) return word.slice('torch.'.length); // a dtype
  return /^[A-Za-z_]/.test(word) ? { input: word } : Number(word);
}
