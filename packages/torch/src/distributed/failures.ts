/** Failures of the network, in words that say which process to look at. The messages of Gloo and of the store follow. */
import { TorchError } from '../errors.js';
import type { Group } from './current-group.js';
import type { MeetingPlace } from './meeting-place.js';

/** Messages of Gloo, of PyTorch's store and of the system, from PyTorch 1.13 to 2.14. */
const timedOut = /timed out|timeout/i;
const connectionLost =
  /connection (closed|reset)|broken pipe|connection refused|socket (is )?closed|short (read|write)|Failed to recv|recvValue|Application timeout/i;
const portTaken = /address already in use|EADDRINUSE/i;
const otherProgram = /Ping failed|invalid value returned|Magic/i;
const unknownInterface = /unable to find (address|interface)|enumerate|No such device/i;

/** Returns the error of a collective that failed. */
export function collectiveFailure(error: unknown, where: string, { rank, worldSize, timeout }: Group): TorchError {
  if (error instanceof TorchError && error.code !== 'OPERATOR') return error;
  const message = (error instanceof Error ? error.message : String(error)).replace(/^bridge::\w+: /, '');
  return new TorchError(
    'DISTRIBUTED',
    `${where} on rank ${rank} of ${worldSize}: ${collectiveReason(message, timeout)}${firstLine(message)}`,
    {
      cause: error,
    },
  );
}

function collectiveReason(message: string, timeout: number): string {
  if (timedOut.test(message))
    return `another rank did not take part within ${timeout} s: it is slower than that, waits for something else, or has left. Look at its output, or give initProcessGroup() a longer timeout. `;
  if (connectionLost.test(message))
    return 'another rank has left the group: it ended or its connection broke. The first error is in the output of that rank. ';
  return '';
}

/** Returns the error of processes that do not meet. */
export function meetingFailure(message: string, place: MeetingPlace, timeout: number): TorchError {
  const { rank, worldSize } = place;
  return new TorchError(
    'DISTRIBUTED',
    `initProcessGroup() on rank ${rank} of ${worldSize}: ${meetingReason(message, place, timeout)} ${firstLine(message)}`,
  );
}

function meetingReason(
  message: string,
  { host, port, file, serves, worldSize }: MeetingPlace,
  timeout: number,
): string {
  const address = `${host}:${port}`;
  if (portTaken.test(message))
    return `the port of ${address} (MASTER_PORT) is taken by another program; choose another one.`;
  if (otherProgram.test(message))
    return `another program than a rank 0 answers at ${address} (MASTER_ADDR, MASTER_PORT); correct the address.`;
  if (unknownInterface.test(message)) return 'GLOO_SOCKET_IFNAME names an interface that this machine does not have.';
  if (timedOut.test(message) && serves)
    return `not all of the ${worldSize} ranks came to ${address} within ${timeout} s${missing(message)}; start the missing ones, or raise timeout.`;
  if (timedOut.test(message) || connectionLost.test(message))
    return file === ''
      ? `no route to rank 0 at ${address} (MASTER_ADDR, MASTER_PORT), or some rank did not come within ${timeout} s; is rank 0 running, and is the port open?`
      : `not all of the ${worldSize} ranks came to ${file} within ${timeout} s; is the file a new one, and do all ranks share its folder?`;
  return 'the processes cannot form a group.';
}

/** The ranks that did not come, which the native side writes below the message. */
function missing(message: string): string {
  const [, ranks] = /^missing ranks: (.+)$/m.exec(message) ?? [];
  return ranks === undefined ? '' : ` (missing: rank ${ranks})`;
}

/** The original message on one line, without Gloo's source line and its advice; the error's cause has all of it. */
function firstLine(message: string): string {
  const [line = ''] = message.trim().split('\n');
  const short = line.replace(/^\[[^\]]*\.cc:\d+\] /, '').replace(/ This is typically caused by .*$/, '');
  return `(${short.trim().replace(/\.$/, '')})`;
}
