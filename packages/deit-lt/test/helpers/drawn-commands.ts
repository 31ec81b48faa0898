/** Command lines drawn by seed: options, values, paths, recipe values and circumstances, most of them wrong in some way. */
import { commandTable } from '../../src/cli/command-table.js';
import { flagsOf, type Options, optionTable } from '../../src/cli/option-table.js';
import { RandomStream } from '../../src/random/stream.js';
import { recipeKeys } from '../../src/recipe/keys.js';
import { recipeNames } from '../../src/recipe/load.js';
import { hostileNames } from './hostile-names.js';

/** What a process finds around it. */
export const circumstances = [
  'none',
  'standard output: a full disk',
  'standard output: closed',
  'standard output: a pipe that nobody reads',
  'messages: a full disk',
  'messages: closed',
  'no output at all',
  'home: a place without folders',
  'cache: a file',
  'no temporary folder',
  'working folder removed',
  'few open files',
  'little address space',
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
] as const;
export type Circumstance = (typeof circumstances)[number];

export interface DrawnCommand {
  readonly seed: number;
  /** Relative to the folder of `makeWorkplace`. */
  readonly words: readonly string[];
  readonly circumstance: Circumstance;
  /** When a signal is sent, in milliseconds. */
  readonly signalMs: number;
}

/** The files of `makeWorkplace` by their use. */
const places = {
  data: ['data', 'data', 'data', 'shapes', 'list_train.txt', 'list_train.txt,list_test.txt', 'data/train', 'cifar10'],
  runs: ['run', 'run/teacher', 'run/student', 'run/student', 'run/vit', 'run/student/checkpoints/best.safetensors'],
  models: ['model.onnx', 'model.pth', 'run/student/checkpoints/last.safetensors'],
  images: ['data/test/ant/0.png', 'data/test', 'data/test/*/*.png', '-', 'name with space.png'],
  recipes: ['tiny.yaml', 'tiny.yaml', 'tiny.yaml', 'tiny.yaml', 'wrong.yaml', 'endless.yaml', ...recipeNames()],
  out: ['out', 'out/new', 'out/a/b/c', 'out/x.html', 'out/x.svg', 'out/x.onnx', 'out/x.pth', 'out/x.safetensors'],
  odd: [
    ...['empty', 'damaged-run', 'notes.txt', 'locked', 'readonly/new', 'full/new', 'full/x.html', 'pipe', 'loop'],
    ...['.', '..', 'nowhere', 'nowhere/deeper', 'notes.txt/below', '/proc/x', '/dev/null', '/dev/full', '/dev/zero'],
    ...['/dev/stdin', '', ' ', '-', '--', '~', '$HOME', '*', '[', 'file:///x', 'x'.repeat(300), 'x/'.repeat(3000)],
  ],
} as const;

const oddNumbers = ['0', '-1', '1', '2', '1e9', '1e400', 'NaN', 'Infinity', '1,5', '0x10', '', '٣', '0.5', '1.0', '+3'];
const oddValues = [
  ...oddNumbers,
  ...['null', 'true', '[]', '[1, 2]', '{}', '{a: 1}', '{replace: true}', '"', '&a *a', '!!js x', '- a', ': :', '\t'],
  ...['__proto__', 'a: b: c', '2026-11-30', '~', 'sgd', 'adamw', 'cosine', 'deit', 'resnet20', '10', '0.1', '3'],
];
const keys = recipeKeys();
const oddKeys = [
  '',
  '.',
  'student',
  'student.',
  '.epochs',
  'x',
  '__proto__',
  'student.__proto__.x',
  'constructor',
  'student.model',
];
const heavy = new Set(['quickstart', 'train', 'teacher', 'student', 'vit', 'study', 'analyze']);

/** The command of `seed`; always the same. */
export function drawCommand(seed: number): DrawnCommand {
  const random = new RandomStream(seed, 0x636f6d6d, 0x616e64);
  const one = <T>(from: readonly T[]): T => from[random.int(from.length)]!;
  const odd = (): string => one([...places.odd, ...hostileNames]);
  const some = (usual: readonly string[]): string => (random.chance(0.75) ? one(usual) : odd());

  const setting = (): string => {
    const key = random.chance(0.85) ? one(keys) : one([...oddKeys, ...hostileNames]);
    return random.chance(0.95) ? `${key}=${one([...oddValues, ...hostileNames])}` : key;
  };
  const drawValue = (name: keyof Options, formats: readonly string[], precisions: readonly string[]): string => {
    const { choices, type } = optionTable[name];
    const allowed = name === 'format' ? formats : name === 'precision' ? precisions : choices;
    if (allowed !== undefined) return random.chance(0.85) && allowed.length > 0 ? one(allowed) : odd();
    if (name === 'set') return setting();
    if (name === 'port') return one(['0', '0', '0', '-1', '70000', 'x', '1e3']);
    if (name === 'host') return one(['127.0.0.1', '::1', 'localhost', '256.1.1.1', '', 'a b', '127.0.0.1:80']);
    if (type === 'duration') return random.chance(0.6) ? one(['30m', '10s', '1h30m', '2 m']) : one(oddNumbers);
    if (type === 'number' || type === 'integer')
      return random.chance(0.6) ? one(['0.5', '1', '2', '10', '0.1', '3']) : one(oddNumbers);
    if (name === 'recipe' || name === 'diff') return some(places.recipes);
    if (name === 'teacher' || name === 'from') return some([...places.runs, ...places.models]);
    if (name === 'testSplit') return some(['test', 'val', 'train']);
    return some(name === 'data' || name === 'root' ? places.data : places.out);
  };
  const flagWords = (name: keyof Options, formats: readonly string[], precisions: readonly string[]): string[] => {
    const [flag, ...value] = flagsOf(name).split(' ');
    if (value.length === 0) return [flag!];
    const found = drawValue(name, formats, precisions);
    return random.chance(0.1) ? [`${flag}=${found}`] : [flag!, found];
  };
  const argument = (command: string, name: string): string[] => {
    if (name.includes('image')) return Array.from({ length: 1 + random.int(3) }, () => some(places.images));
    if (name.includes('data')) return [some(places.data)];
    if (name.includes('study')) return [random.chance(0.8) ? one(['ood', 'ladder']) : odd()];
    if (name.includes('show')) return random.chance(0.5) ? ['show'] : [];
    if (name.includes('name')) return [some(places.recipes)];
    const runs = command === 'eval' || command === 'export' ? [...places.runs, ...places.models] : places.runs;
    return Array.from({ length: name.includes('...') ? 1 + random.int(2) : 1 }, () => some(runs));
  };

  const chosen = one([...commandTable, ...commandTable.filter(({ name }) => !heavy.has(name))]);
  const { name, options, formats = [], precisions = [], arguments: args = [] } = chosen;
  const usual = (option: keyof Options): boolean =>
    (option === 'data' && !['inspect', 'studio'].includes(name)) ||
    (option === 'recipe' && heavy.has(name)) ||
    (option === 'out' && name !== 'demo') ||
    (option === 'format' && name === 'export') ||
    (option === 'teacher' && name === 'student') ||
    option === 'port';
  const given = options.filter((option) => random.chance(usual(option) ? 0.92 : 0.14));
  if (heavy.has(name) && given.includes('recipe') && random.chance(0.5)) given.push('set');
  const words = [
    name,
    ...args.flatMap((arg) => (random.chance(0.95) ? argument(name, arg.name) : [])),
    ...given.flatMap((option) => flagWords(option, formats, precisions)),
  ];
  const mutations = random.chance(0.3) ? 1 + random.int(2) : 0;
  for (let i = 0; i < mutations; i++) mutate(words, random, odd);
  if (words.some((word) => word.includes('cifar'))) words.push('--offline'); // nothing is downloaded
  const circumstance = random.chance(0.6) ? 'none' : one(circumstances);
  return { seed, words, circumstance, signalMs: 100 + random.int(4000) };
}

/** Changes `words` as a slip of the hand or a script without quotes does. */
function mutate(words: string[], random: RandomStream, odd: () => string): void {
  const at = random.int(words.length);
  const word = words[at]!;
  const cut = random.int(word.length + 1);
  const changes: (() => void)[] = [
    () => void words.splice(at, 1),
    () => void words.splice(at, 0, word),
    () => void words.splice(at, 0, odd()),
    () => void words.push(...words.splice(at, 1)),
    () => void words.splice(at, 1, word.toUpperCase()),
    () => void words.splice(at, 1, word.slice(0, cut)),
    () => void words.splice(at, 1, `${word.slice(0, cut)}${odd()}${word.slice(cut)}`),
    () => void words.splice(at, 1, ...word.split(/(?<=\s|=)/)),
    () => void words.splice(at, 0, ['--help', '--version', '-x', '--no-speed', '--json', '--', 'help'][random.int(7)]!),
  ];
  changes[random.int(changes.length)]!();
  if (words.length === 0) words.push('');
}
