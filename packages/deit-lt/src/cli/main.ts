/**
 * The command line from words to exit code: 0 done, 1 failed, 2 wrong usage or recipe, 130 after Ctrl-C. Results go to
 * the standard output, everything else to the standard error.
 */
import { UserError } from '../errors.js';
import { type Reporter, silentReporter } from '../runs/reporter.js';
import { visible } from '../text/visible.js';
import { markedColors } from './colors.js';
import type { Parsed } from './command-spec.js';
import { commandTable } from './command-table.js';
import type { CliContext } from './context.js';
import { tellOfEarlyEnd } from './early-end.js';
import { failureOf } from './failure.js';
import { type Interruption, listenForInterrupt } from './interrupt.js';
import { watchOutputs } from './output-streams.js';
import { prepareEnvironment } from './process-environment.js';
import { explained, failsWithOthers, isFollower, isOneOfSeveral, stillWaits, tellFailure } from './processes.js';
import { parseWords, UsageError, type Writers } from './program.js';
import { makeWriter } from './writer.js';

/** Runs the command that `words` (without the program's name) ask for, and sets the exit code. */
export async function main(words: readonly string[]): Promise<void> {
  watchOutputs();
  const done = tellOfEarlyEnd();
  process.exitCode = await runWords(words);
  done();
  if (stillWaits()) process.exit();
}

async function runWords(words: readonly string[]): Promise<number> {
  const display: Display = {};
  let serves: boolean | undefined;
  const interruption = listenForInterrupt((text) => {
    if (serves !== true) noteOn(display, text);
  });
  const context = makeContext(interruption, display);
  try {
    const parsed = parseWords(words, {
      writeOut: (text) => makeWriter(process.stdout).text(text.trimEnd()),
      writeErr: (text) => makeWriter(process.stderr).text(text.trimEnd()),
    });
    if (parsed === undefined) return 0;
    serves = parsed.spec.serves;
    const { procs = 1 } = parsed.options;
    const trains = parsed.spec.options.includes('procs');
    if (trains) prepareEnvironment(parsed.spec.name, procs);
    const parse = (other: readonly string[]): Parsed | undefined => parseWords(other, silent);
    const isSeveral = trains && (procs > 1 || isOneOfSeveral());
    if (isSeveral) {
      display.isSilent = isFollower();
      await loadOwn(parsed.options);
      const { checkShards } = await import('./check-shards.js');
      const { name: command } = parsed.spec;
      checkShards(
        { command, options: parsed.options, parse },
        isOneOfSeveral() ? Number(process.env.WORLD_SIZE) : procs,
      );
    }
    if (procs > 1 && !isOneOfSeveral()) {
      serves = true; // the processes say what Ctrl-C does
      return await (await import('./launch.js')).launch(words, procs, say);
    }
    if (!isSeveral) await loadOwn(parsed.options);
    const { run } = await parsed.spec.load();
    return (await run({ ...parsed, commands: commandTable, context, parse })) ?? 0;
  } catch (error) {
    display.close?.();
    return await fail(error, words, interruption);
  } finally {
    display.close?.();
    interruption.stop();
  }
}

/** The module of `--plugin`, before anything reads a recipe. */
async function loadOwn({ plugin }: Parsed['options']): Promise<void> {
  if (plugin === undefined) return;
  const [{ loadPlugin }, library] = await Promise.all([import('../plugin.js'), import('../index.js')]);
  await loadPlugin(plugin, library);
}

const silent: Writers = { writeOut: () => {}, writeErr: () => {} };

/** Above the moving lines, when there are any. */
function noteOn({ reporter, isSilent }: Display, ...lines: readonly string[]): void {
  if (isSilent === true) return;
  if (reporter === undefined) makeWriter(process.stderr).text(lines.map(visible).join('\n'));
  else reporter.note(...lines);
}

/** The reporter that a command uses, once it has asked for one. */
interface Display {
  reporter?: Reporter;
  close?: () => void;
  /** One of several processes, of which the first one prints. */
  isSilent?: boolean;
}

function makeContext({ signal }: Interruption, display: Display): CliContext {
  const out = makeWriter(process.stdout);
  return {
    print: (text) => {
      if (display.isSilent !== true) out.text(text);
    },
    printData: out.data,
    printJson: out.json,
    note: (...lines) => noteOn(display, ...lines),
    colors: markedColors,
    width: process.stdout.columns ?? 80,
    signal,
    async reporter() {
      if (display.isSilent === true) return silentReporter;
      if (display.reporter === undefined) {
        const { makeReporter } = await import('./make-reporter.js');
        const { reporter, close } = await makeReporter(process.stderr);
        Object.assign(display, { reporter, close });
      }
      return display.reporter!;
    },
  };
}

async function fail(error: unknown, words: readonly string[], interruption: Interruption): Promise<number> {
  process.setSourceMapsEnabled(true);
  const interrupted = interruption.exitCode();
  if (interrupted !== undefined && isInterruption(error)) {
    tellFailure({ message: (error as Error).message, follows: isFollower() }, say);
    return interrupted;
  }
  if (error instanceof UsageError) await addHint(error, words);
  const { message, exitCode } = failureOf(error);
  tellFailure(await explained(error, { message, follows: failsWithOthers(error) }), say);
  return exitCode;
}

function isInterruption(error: unknown): boolean {
  if (error instanceof UserError) return error.code === 'INTERRUPTED';
  return error instanceof Error && error.name === 'AbortError';
}

/** `--epochs 90` is a value of the recipe: says how it is set. */
async function addHint(error: UsageError, words: readonly string[]): Promise<void> {
  const { settingHint } = await import('./setting-hint.js');
  const hint = await settingHint(error, words);
  if (hint !== undefined) error.message += hint;
}

function say(message: string): void {
  makeWriter(process.stderr).text(`deit-lt: ${message}`);
}
