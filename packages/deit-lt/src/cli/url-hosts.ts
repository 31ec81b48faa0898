/** The values of `serve --allow-url`, as the hosts of addresses are written. */
import { isIPv6 } from 'node:net';
import { UserError } from '../errors.js';
import type { Options } from './option-table.js';

/** `--allow-url` alone is every host with a public address. Throws UserError USAGE for what no address has as its host. */
export function urlHostsOf({ allowUrl }: Options): readonly string[] | undefined {
  return allowUrl === true ? ['*'] : allowUrl?.map(hostOf);
}

/** `Bücher.example` is `xn--bcher-kva.example`, and `[0:0::1]` is `[::1]`. */
function hostOf(given: string): string {
  if (given === '*') return given;
  const address = `http://${isIPv6(given) ? `[${given}]` : given}/`;
  const isBare = isIPv6(given) || /^(\[[\da-f:.]+\]|[^\s\p{Cc}/\\:@?#%,;*]+)$/iu.test(given);
  if (isBare && URL.canParse(address)) return new URL(address).hostname;
  throw new UserError(
    'USAGE',
    `--allow-url ${given}: expected a host name without scheme and port, such as images.example.org; several are separated by spaces, and runs stand before --allow-url.`,
  );
}
