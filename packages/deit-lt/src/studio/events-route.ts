/** `GET /events`: news of the runs as server-sent events, for as long as the page is open. */
import type { Route } from '../serve/app.js';
import type { RunWatcher } from './run-watcher.js';

/** A connection over which nothing comes is closed by some networks; a line that begins with a colon is not an event. */
const heartbeatMs = 20_000;

export function eventsRoute(watcher: RunWatcher): Route {
  return ({ request, response, url }) => {
    if (url.pathname !== '/events' || request.method !== 'GET') return false;
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
    const stop = watcher.follow((event) => response.write(`data: ${JSON.stringify(event)}\n\n`));
    const heartbeat = setInterval(() => response.write(':\n\n'), heartbeatMs);
    response.on('close', () => {
      clearInterval(heartbeat);
      stop();
    });
    return true;
  };
}
