// What `npm run quickstart` does after the set-up: the main job on an embedded data set, or with `-- --data FOLDER`
// on the user's images. All options are those of `deit-lt quickstart`.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../packages/deit-lt/bin/deit-lt.mjs', import.meta.url));
const child = spawn(process.execPath, ['--enable-source-maps', program, 'quickstart', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
// Ctrl-C reaches the child too, which saves first; this process waits for it.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('close', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});
