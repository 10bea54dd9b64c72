import type { Log } from '../../log.ts';
import { TURNED_AWAY_COUNTED_MAX, TURNED_AWAY_LINES_MAX, TURNED_AWAY_LOG_MS } from '../limits.ts';
import type { Leaving } from './door.ts';

/** Why a connection ends before anybody is known, other than by its own will. */
export type WhyAway =
  | Leaving['why']
  | 'no_worker'
  | 'too_much_at_once'
  | 'proxy_header_missing'
  | 'proxy_header_invalid'
  | 'proxy_header_unexpected';

/** What the client reads, where it can be told. */
export const AWAY_WORDS: Readonly<Record<WhyAway, string>> = {
  pool_full: 'Too many connections are waiting to log in. Connect again in a minute.',
  address_limit:
    'Too many connections from your address are waiting to log in. Let some of them finish, then connect again.',
  kex_timeout: 'The key exchange took too long. Connect again.',
  offer_timeout: 'Your client offered no usable key in time. Connect again.',
  login_timeout: 'The login took too long. Connect again.',
  no_worker: 'The gateway is starting or stopping. Connect again in a minute.',
  too_much_at_once: 'That is not an SSH client.',
  proxy_header_missing: 'The load balancer sent no PROXY protocol header. Tell your Daypass operator.',
  proxy_header_invalid: 'The load balancer sent an invalid PROXY protocol header. Tell your Daypass operator.',
  proxy_header_unexpected: 'A PROXY protocol header came from an address that gateway.proxy_protocol does not list.',
};

/**
 * Nobody is turned away without a line in the log: one for each address and reason in an interval, so that a flood fills no log.
 * Beyond a number of addresses the rest is one line.
 */
export class TurnedAwayLog {
  readonly #log: Log;
  readonly #counts = new Map<string, { readonly client: string; readonly why: WhyAway; count: number }>();
  #others = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(log: Log) {
    this.#log = log;
  }

  note(client: string, why: WhyAway): void {
    this.#timer ??= setTimeout(() => this.flush(), TURNED_AWAY_LOG_MS).unref();
    const name = `${why} ${client}`;
    const known = this.#counts.get(name);
    if (known) known.count += 1;
    else if (this.#counts.size < TURNED_AWAY_COUNTED_MAX) this.#counts.set(name, { client, why, count: 1 });
    else this.#others += 1;
  }

  /** Writes what was noted since the last time. */
  flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const noted = [...this.#counts.values()].sort((a, b) => b.count - a.count);
    for (const each of noted.slice(0, TURNED_AWAY_LINES_MAX)) {
      this.#log.warn(each, 'connections were turned away before login');
    }
    const rest = noted.slice(TURNED_AWAY_LINES_MAX);
    const count = rest.reduce((sum, each) => sum + each.count, this.#others);
    if (count > 0) {
      this.#log.warn(
        { addresses: rest.length, count },
        'connections from further addresses were turned away before login',
      );
    }
    this.#counts.clear();
    this.#others = 0;
  }
}
