/** A server on this machine: where it listens, and how it ends. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { UserError } from '../errors.js';

export interface ListenOptions {
  /** Default `127.0.0.1`: this machine alone. */
  readonly host?: string;
  /** 0 is any that is free. Default: `usualPort`, or any when that is taken. */
  readonly port?: number;
  readonly usualPort?: number;
}

export interface LocalServer {
  /** `http://127.0.0.1:4600/`. */
  readonly url: string;
  readonly server: Server;
  /** Ends it and the connections that are open. */
  close(): Promise<void>;
}

/** Throws UserError USAGE for a port that is taken or not allowed, and for a host that is not this machine's. */
export async function listen(
  app: RequestListener,
  { host = '127.0.0.1', port, usualPort = 0 }: ListenOptions = {},
): Promise<LocalServer> {
  const server = createServer(app);
  try {
    await bind(server, host, port ?? usualPort);
  } catch (error) {
    if (port !== undefined || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE')
      throw bindError(error, host, port);
    await bind(server, host, 0);
  }
  return { url: urlOf(host, server.address() as AddressInfo), server, close: () => close(server) };
}

/** Connections that the system keeps until they are accepted; its own limit may be lower. Node's 511 are few for a burst. */
const waitingConnections = 4096;

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: waitingConnections }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function bindError(error: unknown, host: string, port: number | undefined): UserError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} of ${host} is in use; choose another with --port, or 0 for any free one`,
    EACCES: `port ${port} may not be used without root; choose one above 1023 with --port`,
    EADDRNOTAVAIL: `--host ${host} is not an address of this machine; 127.0.0.1 is only this machine, 0.0.0.0 also the network`,
    ENOTFOUND: `--host ${host} is unknown; 127.0.0.1 is only this machine, 0.0.0.0 also the network`,
  };
  return new UserError('USAGE', `${reasons[code ?? ''] ?? `cannot listen on ${host}: ${message}`}.`, { cause: error });
}

/** An address for the browser, which cannot open 0.0.0.0. */
function urlOf(host: string, { port }: AddressInfo): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${isIPv6(name) ? `[${name}]` : name}:${port}/`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
