/** Run folders and event streams that were damaged by seed, and what every command that reads them must say: the right thing, or a clear error. */
import fs from 'node:fs';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { main } from '../../src/cli/main.js';
import { openDataset } from '../../src/data/open.js';
import { RandomStream } from '../../src/random/stream.js';
import { loadRecipe } from '../../src/recipe/load.js';
import { createApp } from '../../src/serve/app.js';
import { type LocalServer, listen } from '../../src/serve/listen.js';
import type { StudioEvent } from '../../src/studio/run-view.js';
import { openStudio } from '../../src/studio/studio.js';
import { trainStudent, trainTeacher } from '../../src/training/train.js';
import { atBatch } from '../training-tiny.js';
import { bugWords } from './command-process.js';
import { writeTinyJob } from './killed-training.js';
import type { Outcome, Subject, Tried } from './mutated-data.js';
import { mutated } from './mutations.js';
import { assertSameRun } from './same-run.js';

/** What a command printed, and how it ended. */
interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A use of the run folder, and what must come of it when it succeeds. */
interface Use {
  readonly words: (run: string) => string[];
  /** Throws where a result is wrong. Default: whatever the damaged file says is right. */
  readonly check?: (run: string, said: Said, whole: Said) => void;
}

const sameOutput = (_: string, { stdout, stderr }: Said, whole: Said): void => {
  if (stderr.includes('has no best checkpoint; its last one')) return;
  const [found, expected] = [stdout, whole.stdout].map((text) =>
    text.replaceAll(/"(checkpoint|run|name|folder)": ".*"/g, ''),
  );
  if (found !== expected) throw new WrongError(`another answer than of the whole run:\n${found!.slice(0, 600)}`);
};

class WrongError extends Error {}

const job = (run: string): string => path.dirname(path.dirname(run));
const data = (run: string): string[] => ['--data', path.join(job(run), 'data')];
const finished = (run: string): string => path.join(path.dirname(run), 'finished');

const uses = {
  'eval best': { words: (run) => ['eval', run, ...data(run), '--json'], check: sameOutput },
  'eval last': { words: (run) => ['eval', run, ...data(run), '--which', 'last', '--json'], check: sameOutput },
  predict: { words: (run) => ['predict', run, path.join(job(run), 'data/test/bee'), '--json'], check: sameOutput },
  report: { words: (run) => ['report', run, '--html', path.join(job(run), 'report.html')], check: htmlIsWhole },
  compare: {
    words: (run) => ['compare', finished(run), run, '--json'],
    check: (_, { stdout }) => void JSON.parse(stdout),
  },
  resume: {
    words: (run) => ['student', '--resume', '--out', run, ...data(run)],
    check: (run) => {
      try {
        assertSameRun(run, finished(run));
      } catch (error) {
        throw new WrongError(
          `the resumed run differs from an undamaged one: ${(error as Error).message.slice(0, 600)}`,
        );
      }
    },
  },
} satisfies Record<string, Use>;
type UseName = keyof typeof uses | 'studio';

/** The files of a run, and who reads them. */
const readers: Readonly<Record<string, readonly UseName[]>> = {
  'config.json': ['eval best', 'report', 'compare', 'resume', 'studio', 'predict'],
  'metrics.jsonl': ['report', 'compare', 'studio'],
  'evaluation.json': ['report', 'compare', 'studio'],
  'analysis.json': ['report', 'studio'],
  'predictions.safetensors': ['report', 'compare', 'studio'],
  'checkpoints/best.safetensors': ['eval best', 'predict', 'resume'],
  'checkpoints/last.safetensors': ['eval last', 'resume', 'resume'],
};

function htmlIsWhole(run: string): void {
  const text = fs.readFileSync(path.join(job(run), 'report.html'), 'utf8');
  if (!text.trimEnd().endsWith('</html>')) throw new WrongError('the report has no end');
}

/** A run that was stopped within its last epoch, the same finished, and its teacher. */
async function makeRuns(folder: string): Promise<void> {
  await writeTinyJob(folder);
  const recipe = loadRecipe(path.join(folder, 'tiny.yaml'));
  const dataset = await openDataset(path.join(folder, 'data'), { cacheDir: path.join(folder, 'cache') });
  const at = (name: string): string => path.join(folder, 'runs', name);
  await trainTeacher({ dataset, recipe, folder: at('teacher') });
  const command = ['deit-lt', 'student', '--data', path.join(folder, 'data'), '--teacher', at('teacher')];
  const options = { dataset, recipe, teacher: at('teacher'), command };
  await trainStudent({ ...options, folder: at('finished') });
  const stop = new AbortController();
  const reporter = atBatch(1, 1, () => stop.abort());
  const stopped = trainStudent({ ...options, folder: at('run'), reporter, signal: stop.signal });
  await stopped.catch((error: { code?: string }) => {
    if (error.code !== 'INTERRUPTED') throw error;
  });
  for (const name of ['evaluation.json', 'predictions.safetensors'])
    fs.copyFileSync(path.join(at('finished'), name), path.join(at('run'), name));
  await call(['analyze', at('run'), '--data', path.join(folder, 'data')]);
  fs.copyFileSync(path.join(at('run'), 'analysis.json'), path.join(at('finished'), 'analysis.json'));
  fs.cpSync(at('run'), path.join(folder, 'whole'), { recursive: true });
}

/** Runs a command in this process. */
async function call(words: readonly string[]): Promise<Said> {
  const text = { stdout: '', stderr: '' };
  const kept = (['stdout', 'stderr'] as const).map((name) => {
    const { write } = process[name];
    process[name].write = ((piece: string) => {
      text[name] += piece;
      return true;
    }) as typeof write;
    return () => {
      process[name].write = write;
      process[name].removeAllListeners('error'); // each command adds its own
    };
  });
  const before = process.exitCode;
  try {
    process.exitCode = undefined;
    await main(words);
    return { code: Number(process.exitCode ?? 0), ...text };
  } finally {
    for (const restore of kept) restore();
    process.exitCode = before;
  }
}

/** `run folders`: one file of a run is damaged, replaced or gone. `event streams`: metrics.jsonl is, also while the studio follows it. */
export const runSubjects: Readonly<Record<string, (folder: string) => Promise<Subject>>> = {
  'run folders': async (folder) => {
    await makeRuns(folder);
    const whole = new Map<string, Said>();
    const run = path.join(folder, 'runs', 'run');
    for (const [name, use] of Object.entries(uses)) whole.set(name, await call(use.words(run)));
    restore(folder);
    return { attempt: (seed) => attemptRun(folder, seed, whole) };
  },
  'event streams': async (folder) => {
    await makeRuns(folder);
    return { attempt: (seed) => attemptStream(folder, seed) };
  },
};

function restore(folder: string): void {
  const run = path.join(folder, 'runs', 'run');
  fs.rmSync(run, { recursive: true, force: true });
  fs.cpSync(path.join(folder, 'whole'), run, { recursive: true });
}

async function attemptRun(folder: string, seed: number, whole: ReadonlyMap<string, Said>): Promise<Tried> {
  const random = new RandomStream(seed, 0x72756e, 1);
  const names = Object.keys(readers);
  const name = names[seed % names.length]!;
  const run = path.join(folder, 'runs', 'run');
  const how = damage(path.join(run, name), folder, seed, random);
  const readBy = readers[name]!;
  const first = random.int(readBy.length);
  const chosen = new Set([readBy[first]!, readBy[(first + 1) % readBy.length]!]);
  try {
    const tried: Tried[] = [];
    for (const use of [...chosen].sort((a, b) => Number(a === 'resume') - Number(b === 'resume')))
      tried.push({ ...(await judged(use, run, whole)), what: `${name}: ${how}; ${use}` });
    return (
      tried.find(({ outcome }) => outcome === 'wrong' || outcome === 'crashed') ??
      tried.find(({ outcome }) => outcome === 'refused') ??
      tried[0]!
    );
  } finally {
    restore(folder);
  }
}

/** What became of a use of the damaged run. */
async function judged(name: UseName, run: string, whole: ReadonlyMap<string, Said>): Promise<Omit<Tried, 'what'>> {
  if (name === 'studio') return judgedStudio(path.dirname(run));
  const use: Use = uses[name];
  try {
    const said = await call(use.words(run));
    const bug = bugWords.exec(said.stderr) ?? /^internal:/m.exec(said.stderr);
    if (bug !== null) return { outcome: 'crashed', message: said.stderr };
    if (said.code === 0) use.check?.(run, said, whole.get(name)!);
    if (said.code !== 0 && !isClear(said.stderr))
      return { outcome: 'crashed', message: `code ${said.code}: ${said.stderr}` };
    return { outcome: said.code === 0 ? 'read' : 'refused', message: said.stderr };
  } catch (error) {
    return failed(error);
  }
}

const isClear = (message: string): boolean => message.length < 20_000 && message.includes('deit-lt: ');

const failed = (error: unknown): { outcome: Outcome; message: string } => ({
  outcome: error instanceof WrongError ? 'wrong' : 'crashed',
  message: String(error instanceof Error ? error.stack : error),
});

/** Damages `file` by one of several ways; says which. */
function damage(file: string, folder: string, seed: number, random: RandomStream): string {
  const whole = fs.readFileSync(file);
  const bytes = (content: Buffer | string): void => fs.writeFileSync(file, content);
  const way = random.int(20);
  if (way === 0) fs.rmSync(file);
  else if (way === 1) replaced(file, () => fs.mkdirSync(file));
  else if (way === 2) replaced(file, () => fs.symlinkSync(path.basename(file), file));
  else if (way === 3) bytes('');
  else if (way === 4)
    bytes(
      fs.readFileSync(
        path.join(
          folder,
          'runs',
          'teacher',
          path.relative(path.join(folder, 'runs', 'run'), file).replace('analysis', 'config'),
        ),
      ),
    );
  else if (way < 13 && file.endsWith('.safetensors')) return `a value of its metadata: ${changeMetadata(file, random)}`;
  else if (way < 13) return `a value of its JSON: ${changeJsonLines(file, random)}`;
  else {
    const { bytes: damaged, what } = mutated(whole, seed);
    bytes(damaged);
    return what;
  }
  return ['gone', 'a folder', 'a link to itself', 'empty', 'that of the teacher'][way]!;
}

function replaced(file: string, by: () => void): void {
  fs.rmSync(file);
  by();
}

const oddValues: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    0.5,
    1e9,
    1e300,
    -1e300,
    2 ** 53,
    '',
    'x',
    '../..',
    '\u0000',
    '\u202E',
    '<b>',
    [],
    {},
    [[]],
  ],
  ...[[1, 2, 3], ['a', 'a', 'a'], { length: 5 }, { toString: 1 }, '2026-11-30', 'NaN', 'teacher', 'vit', 'best'],
];

/** A line of JSON in which a value at a drawn place is another, is gone, or is doubled. */
function changeJsonLines(file: string, random: RandomStream): string {
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
  const isLines = file.endsWith('.jsonl');
  const at = isLines ? random.int(lines.length) : 0;
  const [text, what] = changedJson(isLines ? lines[at]! : lines.join('\n'), random);
  fs.writeFileSync(file, isLines ? `${lines.with(at, text).join('\n')}\n` : text);
  return what;
}

function changedJson(text: string, random: RandomStream): [text: string, what: string] {
  const root: unknown = JSON.parse(text);
  let at: unknown = root;
  const keys: string[] = [];
  for (;;) {
    const names: string[] = typeof at === 'object' && at !== null ? Object.keys(at) : [];
    if (names.length === 0) break;
    const key = names[random.int(names.length)]!;
    keys.push(key);
    const next = (at as Record<string, unknown>)[key];
    if (typeof next !== 'object' || next === null || Object.keys(next).length === 0 || random.chance(0.15)) {
      const value = oddValues[random.int(oddValues.length)];
      if (random.chance(0.15)) delete (at as Record<string, unknown>)[key];
      else (at as Record<string, unknown>)[key] = value;
      return [JSON.stringify(root), `${keys.join('.')} → ${JSON.stringify(value)}`];
    }
    at = next;
  }
  return [JSON.stringify(oddValues[random.int(oddValues.length)]), 'all of it'];
}

/** The header with a value changed, and the tensors as they were: as another program would write it again. */
function changeMetadata(file: string, random: RandomStream): string {
  return torch.tidy(() => {
    using opened = torch.safetensors.open(file);
    const tensors = new Map(opened.names.map((name) => [name, opened.get(name).clone()]));
    const metadata = { ...opened.metadata };
    const names = Object.keys(metadata);
    const name = names[random.int(names.length)]!;
    const isJson = /^[[{]/.test(metadata[name]!);
    const [text, what] = isJson
      ? changedJson(metadata[name]!, random)
      : [JSON.stringify(oddValues[random.int(oddValues.length)]), 'all'];
    metadata[name] = text;
    if (random.chance(0.5)) delete metadata.checksum; // a version that knows of none
    torch.safetensors.save(file, tensors, { metadata });
    return `${name}: ${what}`;
  });
}

/** The studio over `runs` lists them and answers for each. */
async function judgedStudio(runs: string): Promise<Omit<Tried, 'what'>> {
  const errors: unknown[] = [];
  using studio = openStudio(runs, { notify: false });
  const server = await listen(createApp({ routes: studio.routes, onError: (error) => errors.push(error) }));
  try {
    const statuses: number[] = [];
    for (const query of ['parts?run=run', 'parts?run=finished&run=run', 'images?run=run']) {
      const answer = await fetch(`${server.url}${query}`);
      const text = await answer.text();
      statuses.push(answer.status);
      if (answer.status === 409 && bugWords.test(text)) throw new Error(`${query}: ${text}`);
    }
    await firstEvents(server);
    if (errors.length > 0 || statuses.some((status) => status >= 500))
      throw errors[0] ?? new Error(`status ${statuses.join()}`);
    return { outcome: statuses.some((status) => status === 200) ? 'read' : 'refused', message: statuses.join() };
  } catch (error) {
    return failed(error);
  } finally {
    await server.close();
  }
}

/** All events up to `ready`. Throws for what is not an event. */
async function firstEvents({ url }: LocalServer): Promise<StudioEvent[]> {
  const stop = new AbortController();
  const { body } = await fetch(`${url}events`, { signal: stop.signal });
  let text = '';
  for await (const piece of body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.includes('"type":"ready"')) break;
  }
  stop.abort();
  const events = text.split('\n\n').filter((part) => part.startsWith('data: '));
  return events.map((event) => JSON.parse(event.slice(6)) as StudioEvent);
}

/** Damaged metrics come a piece at a time, and then the right ones: the studio then shows these. */
async function attemptStream(folder: string, seed: number): Promise<Tried> {
  const random = new RandomStream(seed, 0x65766e, 2);
  const run = path.join(folder, 'runs', 'run');
  const file = path.join(run, 'metrics.jsonl');
  const whole = fs.readFileSync(path.join(folder, 'runs', 'finished', 'metrics.jsonl'));
  try {
    const { bytes, what } = damagedStream(file, whole, seed, random);
    const uses = ['report', 'compare', 'studio'] as const;
    const tried = [await followed(folder, file, { bytes, whole }, random)];
    fs.writeFileSync(file, bytes);
    for (const use of uses) tried.push(await judged(use, run, new Map()));
    const bad = tried.find(({ outcome }) => outcome === 'wrong' || outcome === 'crashed');
    return { ...(bad ?? tried.find(({ outcome }) => outcome === 'refused') ?? tried[0]!), what };
  } finally {
    restore(folder);
  }
}

function damagedStream(
  file: string,
  whole: Buffer,
  seed: number,
  random: RandomStream,
): { bytes: Buffer; what: string } {
  if (random.chance(0.5)) return mutated(whole, seed);
  fs.writeFileSync(file, whole);
  const what = changeJsonLines(file, random);
  return { bytes: fs.readFileSync(file), what };
}

/** The stream in the studio as it grows, is cut, and is written again. */
async function followed(
  folder: string,
  file: string,
  { bytes, whole }: { bytes: Buffer; whole: Buffer },
  random: RandomStream,
): Promise<Omit<Tried, 'what'>> {
  fs.writeFileSync(file, '');
  using studio = openStudio(path.join(folder, 'runs'), { notify: false, lookMs: 1e6, findMs: 1e6 });
  const { watcher } = studio;
  try {
    const events: StudioEvent[] = [];
    const stop = watcher.follow((event) => void events.push(JSON.parse(JSON.stringify(event)) as StudioEvent));
    for (let at = 0; at < bytes.length; ) {
      const next = Math.min(bytes.length, at + 1 + random.int(Math.max(1, bytes.length)));
      fs.appendFileSync(file, bytes.subarray(at, next));
      watcher.look();
      at = next;
    }
    fs.rmSync(file);
    watcher.look();
    fs.writeFileSync(file, whole);
    watcher.look();
    stop();
    const epochs = watcher.run('run')?.records.map(({ epoch }) => epoch);
    const last = events.findLast((event) => event.type === 'run' && event.run.id === 'run');
    const told = last?.type === 'run' ? last.run.epochsDone : -1;
    if (epochs?.join() !== '0,1' || told !== 2)
      throw new WrongError(`after the damage it shows epochs ${epochs?.join()}, and told of ${told}`);
    return { outcome: 'read', message: '' };
  } catch (error) {
    return failed(error);
  }
}
