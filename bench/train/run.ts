/**
 * Images per second of both trainings against idiomatic PyTorch doing the same work in fp32 and against the machine's
 * limit: the same batches of 128, in turns, several rounds, medians.
 *
 *   npm run bench:train -- [--rounds 5] [--steps 8] [--only teacher,student,paco,glmc,precision,informed,loader,limit]
 *
 * A step has no loading on either side; the loader and the whole loop are measured beside it. `precision` adds rows of
 * both sides in the same precision, `informed` (not by default) two tables against what an informed user writes, without and with `torch.compile`. `limit` relates the steps to matrix products of the same round.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { longTailCounts } from '#deit-lt/data/long-tail.js';
import { parseOptions } from '../options.js';
import { alternate, median, peak, type Result, rates, ratios, runJson, type Side, withRange } from '../rounds.js';
import { stepFlops } from './flops.js';
import { checkRecipe, epochOf, type Kind, largestClass, recipeOf } from './trainer.js';

const parts = ['teacher', 'student', 'paco', 'glmc', 'precision', 'informed', 'loader', 'limit'];
const { values: options } = parseOptions({
  options: {
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '8' },
    only: { type: 'string', default: parts.filter((part) => part !== 'informed').join() },
  },
});
const rounds = Number(options.rounds);
const only = options.only.split(',');
const unknown = only.find((name) => !parts.includes(name));
if (unknown !== undefined || !(rounds >= 1 && Number(options.steps) >= 1)) {
  console.error(
    unknown === undefined
      ? '--rounds and --steps must be whole numbers from 1 on'
      : `--only ${unknown}: expected some of ${parts.join()}`,
  );
  process.exit(1);
}

const python = process.env.PYTHON_TORCH ?? '/usr/bin/python3';
const source = path.resolve(import.meta.dirname, '../../train');
const numClasses = 10;
const imbalance = 100;
const counts = [...longTailCounts(largestClass, numClasses, imbalance, 'exp')];
const batchSize = 128; // of all kinds
/** Debian's PyTorch begins with one thread here; both sides get all cores. */
const threads = os.availableParallelism();

const subject = (testCase: string, { precision = 'auto', steps = options.steps, file = '' } = {}): Result =>
  runJson(process.execPath, [path.join(import.meta.dirname, 'subject.js'), testCase, precision, steps, file]);

const reference = (testCase: string, { precision = 'float32', steps = options.steps, more = {} } = {}): Result => {
  const kind = testCase.split('-')[1] as Kind;
  const recipe = recipeOf(kind, 'auto');
  const config = JSON.stringify({ recipe, epoch: epochOf(kind, recipe), counts, threads, ...more });
  return runJson(python, ['-B', path.join(source, 'reference.py'), testCase, precision, steps, config]);
};

/** Operations per second in a matrix product's 2·1024³. */
const productFlops = 2 * 1024 ** 3;

interface Row {
  readonly kind: Kind;
  readonly what: string;
  readonly goal: string;
  readonly ours: string;
  readonly theirs: string;
}

const goals: Readonly<Record<Kind, string>> = { teacher: '≥ 1.5', student: '≥ 3', paco: '≥ 1.5', glmc: '≥ 1.5' };
const names: Readonly<Record<Kind, string>> = {
  teacher: "teacher's SAM step",
  student: "student's step",
  paco: "PaCo teacher's SAM step",
  glmc: "GLMC teacher's SAM step",
};
const kinds: readonly Kind[] = ['teacher', 'student', 'paco', 'glmc'];
const chosen = kinds.filter((kind) => only.includes(kind));

function rowsOf(kind: Kind): Row[] {
  const main = { kind, what: names[kind], goal: goals[kind], ours: 'auto', theirs: 'float32' };
  const same = (precision: string, short: string): Row => ({
    kind,
    what: `${names[kind]}, both ${short}`,
    goal: '',
    ours: precision,
    theirs: precision,
  });
  return only.includes('precision') ? [main, same('float32', 'fp32'), same('bfloat16', 'bf16')] : [main];
}

/** Both sides, and with `limit` the machine, by turns. */
function compare({ kind, what, goal, ours, theirs }: Row): void {
  const sides: Record<string, Side> = {
    ours: () => subject(`step-${kind}`, { precision: ours }),
    theirs: () => reference(`step-${kind}`, { precision: theirs }),
    ...(only.includes('limit') && { limit: () => subject('limit', { precision: ours }) }),
  };
  const results = alternate(sides, rounds);
  const [a, b] = [rates(results.ours!, batchSize), rates(results.theirs!, batchSize)];
  const flops = stepFlops(kind, recipeOf(kind, 'auto'), numClasses);
  const limits = results.limit && rates(results.limit, productFlops / flops);
  const share = limits ? `${(100 * median(ratios(a, limits))).toFixed(0)} % of ${median(limits).toFixed(0)}` : '–';
  const [own, other] = [peak(results.ours!), peak(results.theirs!)];
  const memory = `${mebibytes(own)} / ${mebibytes(other)} = ${(own / other).toFixed(2)}`;
  const [mine, his] = [median(a).toFixed(0), median(b).toFixed(0)];
  console.log(`| ${what} | ${mine} | ${his} | **${withRange(ratios(a, b))}** | ${goal} | ${share} | ${memory} |`);
}

/** Ours, PyTorch as an informed user writes it, and the same by `torch.compile`, by turns. */
function compareInformed(kind: 'teacher' | 'student', precision: 'float32' | 'bfloat16'): void {
  const peer = (name: 'eager' | 'compile'): Result =>
    reference(`step-${kind}`, { precision, more: { peer: name, recipe: recipeOf(kind, precision) } });
  const results = alternate(
    {
      ours: () => subject(`step-${kind}`, { precision }),
      eager: () => peer('eager'),
      compile: () => peer('compile'),
    },
    rounds,
  );
  const [ours, eager, compile] = [results.ours, results.eager, results.compile].map((of) => rates(of, batchSize));
  const figures = [ours!, eager!, compile!].map((of) => median(of).toFixed(0)).join(' | ');
  const beside = [eager!, compile!].map((of) => `**${withRange(ratios(ours!, of))}**`).join(' | ');
  console.log(`| ${names[kind]}, ${precision} | ${figures} | ${beside} |`);
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

/** The loader by itself and as part of the training, by turns with the step alone. */
function compareLoading(kind: Kind): void {
  const results = alternate(
    {
      loader: () => subject(`loader-${kind}`, { steps: `${10 * Number(options.steps)}` }),
      step: () => subject(`step-${kind}`),
      loop: () => subject(`loop-${kind}`),
    },
    rounds,
  );
  const [loader, step, loop] = [results.loader, results.step, results.loop].map((of) => rates(of, batchSize));
  const figures = [loader!, step!, loop!].map((of) => median(of).toFixed(0)).join(' | ');
  console.log(`| ${kind} | ${figures} | ${withRange(ratios(loop!, step!))} |`);
}

/** Same weights, batch and mixing, fp32: the losses of some steps; the first must agree to 1e-4, the others to 1e-3. */
function checkLosses(kind: Kind): void {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-train-'));
  try {
    const file = path.join(folder, 'start.safetensors');
    const steps = '4';
    const ours = subject(`check-${kind}`, { steps, file });
    const theirs = reference(`check-${kind}`, { steps, more: { recipe: checkRecipe(kind), file, mixes: ours.mixes } });
    const apart = ours.losses!.map((loss, i) => Math.abs(loss / theirs.losses![i]! - 1));
    const list = (losses: readonly number[]): string => losses.map((loss) => loss.toFixed(5)).join(', ');
    const isSame = apart[0]! < 1e-4 && apart.every((d) => d < 1e-3); // rounding errors grow from step to step
    const verdict = isSame ? 'the same work' : 'NOT THE SAME WORK';
    console.log(`${kind}, losses of ${steps} steps in fp32 from the same weights: ${verdict}`);
    console.log(`  here ${list(ours.losses!)}; Python ${list(theirs.losses!)}`);
    console.log(`  relative differences ${apart.map((d) => d.toExponential(1)).join(', ')}`);
    console.log(`  threads: here ${ours.threads}, Python ${theirs.threads}`);
    if (!isSame) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const machine = `${os.cpus()[0]?.model ?? 'CPU'}, ${os.availableParallelism()} cores, Node ${process.version}`;
const date = new Date().toISOString().slice(0, 10);
console.log(`${machine}, ${rounds} rounds of ${options.steps} steps, ${date}\n`);
for (const kind of chosen) checkLosses(kind);

if (only.includes('limit'))
  for (const precision of ['auto', 'float32']) {
    const gigaflops = rates(
      alternate({ limit: () => subject('limit', { precision }) }, rounds).limit,
      productFlops / 1e9,
    );
    console.log(`limit: matrix product 1024³, ${precision}: ${withRange(gigaflops)} GFLOP/s`);
  }

if (chosen.length > 0) {
  console.log('\n| work | here, images/s | PyTorch, images/s | ratio (min–max) | goal | of the limit | peak memory |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const kind of chosen) for (const row of rowsOf(kind)) compare(row);
}
if (only.includes('informed')) {
  console.log('\n| work, all sides | here, images/s | eager | torch.compile | here / eager | here / compile |');
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const kind of ['teacher', 'student'] as const)
    if (chosen.includes(kind))
      for (const precision of ['float32', 'bfloat16'] as const) compareInformed(kind, precision);
}
if (only.includes('loader')) {
  console.log('\n| training | loader alone, images/s | step alone | whole loop | loop / step (min–max) |');
  console.log('| --- | --- | --- | --- | --- |');
  for (const kind of ['teacher', 'student'] as const) compareLoading(kind);
}
