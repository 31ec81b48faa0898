/** The folder that a command is started in: it may have been removed, or unmounted, while the shell is still in it. */

/** The message where it does not exist. */
export const workingFolderGone = 'the working folder does not exist any more; change to another folder and try again.';

/** Why no command can run; undefined when it can. Without a working folder MKL ends the process when it loads. */
export function withoutWorkingFolder(): string | undefined {
  try {
    process.cwd();
    return undefined;
  } catch {
    return workingFolderGone;
  }
}
