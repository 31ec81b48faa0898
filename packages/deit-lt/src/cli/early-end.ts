/** Node ends a process without a word of ours, and with code 13, when nothing is left that could settle what it waits for. */

/** Reports an early end of the process as a failure, until the returned function is called. */
export function tellOfEarlyEnd(): () => void {
  const tell = (): void => {
    if (process.exitCode !== undefined && process.exitCode !== 13) return; // ended by choice
    process.exitCode = 1;
    process.stderr.write(
      'deit-lt: ended before its work was done. This is a bug of deit-lt, not a mistake of yours: please report it with the command and the output of "deit-lt doctor".\n',
    );
  };
  process.on('exit', tell);
  return () => process.off('exit', tell);
}
