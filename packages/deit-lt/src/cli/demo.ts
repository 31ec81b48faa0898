/** `deit-lt demo`: a trained model in a browser page, served here or written for any host. */
import { UserError } from '../errors.js';
import { type DemoFiles, demoFiles, demoPage, writeDemo } from '../export/demo.js';
import { makeOutFolder } from '../export/export.js';
import { checkLine } from '../export/onnx/check-line.js';
import type { OnnxPrecision } from '../export/onnx/graph-builder.js';
import { memoryFiles } from '../serve/memory-files.js';
import { pageFolder } from '../serve/page-folder.js';
import { visible } from '../text/visible.js';
import { projectVersion } from '../version.js';
import type { CommandInput } from './command-spec.js';
import { openModelForOthers } from './open-model.js';
import type { Options } from './option-table.js';
import { servePage } from './serve-page.js';

const usualPort = 4600;

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  const { out, port, host } = options;
  if (out !== undefined && (port !== undefined || host !== undefined))
    throw new UserError('USAGE', '--out writes the page instead of serving it: leave out --port and --host.');
  const folder = pageFolder(demoPage);
  if (out !== undefined) makeOutFolder(out);
  const files = await filesOf(args[0]!, options);
  context.note(checkLine(precisionOf(options), files.check));
  if (out === undefined) {
    const note = 'Open this address in a browser. Ctrl-C stops the server.';
    return servePage({ folder, routes: [memoryFiles(files.files)], usualPort, note }, options, context);
  }
  writeDemo(out, files);
  context.print(visible(out));
  context.note('Put this folder on any web server. To see it here: npx http-server, or python3 -m http.server, in it.');
}

/** The command's own choices. */
const precisionOf = ({ precision = 'fp32' }: Options): OnnxPrecision => precision as OnnxPrecision;

/** The network is let go before the page is served: the page has its own. */
async function filesOf(run: string, options: Options): Promise<DemoFiles> {
  using model = await openModelForOthers(run, options);
  return await demoFiles(model, { run, precision: precisionOf(options), version: projectVersion() });
}
