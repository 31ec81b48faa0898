/** `deit-lt report`: runs as one HTML file. */
import path from 'node:path';
import { makeReport } from '../report/report.js';
import { readRuns } from '../report/report-run.js';
import { writeFigures } from '../report/write-figures.js';
import { writeFileAtomic } from '../runs/files.js';
import { visible } from '../text/visible.js';
import type { CommandInput } from './command-spec.js';

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  const runs = readRuns(args, context.note);
  const report = await makeReport(runs);
  for (const note of report.notes) context.note(note);
  const file = options.html ?? (args.length === 1 ? path.join(args[0]!, 'report.html') : 'report.html');
  writeFileAtomic(file, report.html);
  context.print(visible(file));
  if (options.figures === undefined) return;
  await writeFigures(options.figures, report.figures);
  context.note(`${report.figures.length} figures written to ${options.figures}, each as SVG and PNG`);
}
