/** `deit-lt serve`: trained models behind HTTP, until Ctrl-C or SIGTERM. */
import { isIP } from 'node:net';
import { ImageDecoder } from '../model-server/image-decoder.js';
import { answerMalformed } from '../model-server/malformed-requests.js';
import { createModelApp } from '../model-server/model-app.js';
import { namedModels } from '../model-server/model-names.js';
import { ModelServer, type ServedModel } from '../model-server/model-server.js';
import { NetworkThread } from '../model-server/network-thread.js';
import { type LocalServer, listen } from '../serve/listen.js';
import { projectVersion } from '../version.js';
import { adaptationNotes } from './adaptation-notes.js';
import type { CommandInput } from './command-spec.js';
import type { CliContext } from './context.js';
import { openOptions } from './open-model.js';
import type { Options } from './option-table.js';
import { urlHostsOf } from './url-hosts.js';
import { weightsLines } from './weights-line.js';

const usualPort = 4602;
/** A request must have arrived whole after this time. */
const requestTimeoutMs = 120_000;
/** Longer than the pauses of usual clients and proxies, which would otherwise use a connection while it is closed here. */
const keepAliveMs = 65_000;

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  const named = namedModels(args);
  const urlHosts = urlHostsOf(options);
  const { plugin, maxBatch = 16, queue = 256, maxBytes = 20_000_000, maxPixels = 100_000_000, host } = options;
  await using network = await NetworkThread.open({
    models: named.map(({ path }) => path),
    options: { ...openOptions(options), adaptation: options.adaptation ?? true },
    ...(plugin !== undefined && { plugin }),
  });
  const models = named.map(({ name }, i): ServedModel => ({ name, facts: network.models[i]! }));
  await using decoder = new ImageDecoder(maxPixels);
  const version = projectVersion();
  const onError = (error: unknown): void => context.note(String(error));
  const limits = { maxBatch, queue, maxBytes, urlHosts };
  const server = new ModelServer({ models, decoder, network, limits, version });
  const app = createModelApp(server, { version, anyHost: !isThisMachine(host), onError });
  const listening = await listen(app, { host, port: options.port, usualPort });
  settle(listening);
  describe(models, options, context);
  context.print(listening.url);
  context.note(
    `POST images to ${listening.url}v1/classify, or open the address in a browser. Ctrl-C or SIGTERM stops the server.`,
  );
  try {
    await Promise.race([aborted(context.signal), network.failed]);
  } finally {
    await stop(listening, server, context);
  }
}

function isThisMachine(host = '127.0.0.1'): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function settle({ server }: LocalServer): void {
  server.requestTimeout = requestTimeoutMs;
  server.keepAliveTimeout = keepAliveMs;
  answerMalformed(server);
  // A client that waits for "100 Continue" before it sends its image gets it, or the refusal, from the app itself.
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
}

function describe(models: readonly ServedModel[], options: Options, { note }: CliContext): void {
  for (const { name, facts } of models) {
    note(`model ${name}: ${facts.classNames.length} classes, images of ${facts.input.size} × ${facts.input.size}`);
    for (const line of [...weightsLines(facts, options), ...facts.notes, ...adaptationNotes(facts, options.adaptation)])
      note(`  ${line}`);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** No new connections; requests that were accepted are answered first. */
async function stop(listening: LocalServer, server: ModelServer, { note }: CliContext): Promise<void> {
  if (server.requests > 0)
    note(`stopping when ${server.requests} accepted requests are answered … (Ctrl-C again quits at once)`);
  const closed = new Promise<void>((resolve) => {
    listening.server.close(() => resolve());
  });
  await server.stop();
  listening.server.closeIdleConnections();
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, lastAnswersMs).unref())]);
  await listening.close();
}

/** For the last answers to leave this machine. */
const lastAnswersMs = 2000;
