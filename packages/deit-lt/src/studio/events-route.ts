/** `GET /events`: news of the runs as server-sent events, for as long as the page is open. */
import type { Route } from '../serve/app.js';
import type { RunWatcher } from './run-watcher.js';

/** A connection over which nothing comes is closed by some networks; a line that begins with a colon is not an event. */
const heartbeatMs = 20_000;

/** A page that does not read is disconnected with so many bytes waiting for it; a browser connects again by itself. */
const mostWaitingBytes = 64 << 20;

export function eventsRoute(watcher: RunWatcher, mostWaiting = mostWaitingBytes): Route {
  return ({ request, response, url }) => {
    if (url.pathname !== '/events' || request.method !== 'GET') return false;
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
    let most = Number.POSITIVE_INFINITY; // what is known already may be more
    const send = (text: string): void => {
      if (response.writableLength > most) response.destroy();
      else response.write(text);
    };
    const stop = watcher.follow((event) => send(`data: ${JSON.stringify(event)}\n\n`));
    most = response.writableLength + mostWaiting;
    const heartbeat = setInterval(() => send(':\n\n'), heartbeatMs);
    response.on('close', () => {
      clearInterval(heartbeat);
      stop();
    });
    return true;
  };
}
