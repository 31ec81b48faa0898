/** A port at which processes of this machine can meet. */
import { createServer } from 'node:net';

/** Returns a port of 127.0.0.1 that no program has now; another may take it before it is used. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('internal: a server has no port');
  return address.port;
}
