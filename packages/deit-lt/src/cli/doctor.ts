/** `deit-lt doctor`: what this machine has, for bug reports and for "why is it slow". */
import os from 'node:os';
import { defaultCacheDir } from '../data/cache/cache-folder.js';
import { gibibytes } from '../format.js';
import { visible } from '../text/visible.js';
import { projectVersion } from '../version.js';
import type { CommandInput } from './command-spec.js';

interface Machine {
  readonly deitLt: string;
  readonly cores: number;
  readonly memory: { readonly totalBytes: number; readonly freeBytes: number };
  readonly images: { readonly sharp: string; readonly libvips: string } | { readonly error: string };
  readonly cacheFolder: string;
}

/** Exit code 1 when the engine or the decoder does not load. */
export async function run({ options, context }: CommandInput): Promise<number> {
  const machine = await lookAtMachine();
  const engine = await lookAtEngine();
  if (options.json === true) context.printJson({ ...machine, engine: 'error' in engine ? engine : engine.diagnosis });
  else context.print(`${formatMachine(machine)}\n\n${'error' in engine ? engine.error : engine.text}`);
  return 'error' in engine || 'error' in machine.images ? 1 : 0;
}

async function lookAtMachine(): Promise<Machine> {
  return {
    deitLt: projectVersion(),
    cores: os.availableParallelism(),
    memory: { totalBytes: os.totalmem(), freeBytes: os.freemem() },
    images: await decoderVersions(),
    cacheFolder: defaultCacheDir(),
  };
}

async function decoderVersions(): Promise<Machine['images']> {
  try {
    const { versions } = (await import('sharp')).default;
    return { sharp: versions.sharp, libvips: versions.vips };
  } catch (error) {
    return { error: `sharp does not load: ${firstLine(error)}` };
  }
}

async function lookAtEngine(): Promise<{ diagnosis: object; text: string } | { error: string }> {
  try {
    const { diagnose, formatDiagnosis } = await import('@deit-lt/torch');
    const diagnosis = diagnose();
    return { diagnosis, text: formatDiagnosis(diagnosis) };
  } catch (error) {
    return { error: `the engine does not load: ${error instanceof Error ? error.message : error}` };
  }
}

const firstLine = (error: unknown): string => String(error instanceof Error ? error.message : error).split('\n')[0]!;

function formatMachine({ deitLt, cores, memory, images, cacheFolder }: Machine): string {
  const decoder = 'error' in images ? images.error : `sharp ${images.sharp}, libvips ${images.libvips}`;
  const rows = [
    ['deit-lt', deitLt],
    ['cores', String(cores)],
    ['memory', `${gibibytes(memory.totalBytes)}, ${gibibytes(memory.freeBytes)} free`],
    ['images', decoder],
    ['cache', cacheFolder],
  ];
  return rows.map(([name, value]) => visible(`${name!.padEnd(10)} ${value}`)).join('\n');
}
