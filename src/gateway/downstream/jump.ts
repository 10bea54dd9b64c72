import type { Duplex } from 'node:stream';
import { targetIdFromName } from '../../access/target.ts';
import type { Reader } from '../../sshwire/bytes.ts';
import type { Answer, Served } from '../pipe/worker-messages.ts';
import type { ChannelPolicy, OpenDecision } from '../ssh/channel-table.ts';
import { OPEN_FAILURE } from '../ssh/messages.ts';
import type { Transport } from '../ssh/transport.ts';
import { printable, unknownTarget } from '../words/refusals.ts';
import { ChannelSocket } from './channel-socket.ts';
import type { Accept, Carrier } from './origin.ts';
import { serveChannel } from './self-service-channel.ts';

export type JumpHost = {
  readonly site: string;
  /** Where people reach the gateway, as ssh is told. */
  readonly at: string;
  /** What is asked of the gateway itself on a jump. */
  ask(sshSessionId: string, words: string): Promise<Served>;
  jumpOver(sshSessionId: string): void;
};

/** The outer connection of a jump. */
export type Outer = {
  readonly host: JumpHost;
  readonly remoteAddress: string;
  readonly transport: Pick<Transport, 'sessionId' | 'destroy' | 'reset'>;
  /** What runs through it is a connection of its own. */
  readonly accept: Accept;
  readonly killed: (why: string) => void;
};

type Leads = Extract<Answer, { kind: 'jump' }>;

/**
 * A jump: an outer connection and those that run through it. Each direct-tcpip (RFC 4254 §7.2) to the name of a target is not
 * connected anywhere but is the byte stream of a second SSH connection. The port is not looked at: the inventory has it.
 */
export class Jump implements Carrier {
  readonly sshSessionId: string;
  readonly #outer: Outer;
  readonly #leads: Leads;
  readonly #known: ReadonlySet<string>;
  readonly #inner = new Set<Duplex>();
  /** Those of them that carry a session. */
  readonly #carrying = new Set<Duplex>();
  readonly #end: NodeJS.Timeout;

  constructor(outer: Outer, leads: Leads) {
    this.sshSessionId = outer.transport.sessionId;
    this.#outer = outer;
    this.#leads = leads;
    this.#known = new Set(leads.targetIds);
    this.#end = setInterval(() => {
      // What it carries has an end of its own, which may have been moved meanwhile.
      if (Date.now() >= leads.endsAt && this.#carrying.size === 0) outer.transport.destroy();
    }, 1_000);
  }

  /** Session channels ask the gateway itself. */
  get policy(): ChannelPolicy {
    return {
      open: (type, data) => {
        if (type === 'direct-tcpip') return this.#open(data);
        if (type !== 'session') {
          return refusal(
            `this login only leads to targets and answers commands: ssh daypass@${this.#outer.host.at} help`,
          );
        }
        const ask = (words: string): Promise<Served> => this.#outer.host.ask(this.sshSessionId, words);
        return { accept: true, opened: (channel) => serveChannel(channel, ask) };
      },
      globalRequest: () => {},
      killed: this.#outer.killed,
    };
  }

  carries(inner: Duplex): void {
    // Control may have decided after it went.
    if (this.#inner.has(inner)) this.#carrying.add(inner);
  }

  release(inner: Duplex): void {
    this.#inner.delete(inner);
    if (this.#inner.size === 0) this.#outer.transport.reset();
  }

  /** The outer connection is gone. */
  over(): void {
    clearInterval(this.#end);
    this.#outer.host.jumpOver(this.sshSessionId);
  }

  #open(data: Reader): OpenDecision {
    const { site, at } = this.#outer.host;
    const { noTargets } = this.#leads;
    if (noTargets !== null) return refusal(printable(noTargets));
    const targetName = data.text('host', 255);
    const id = targetIdFromName(targetName, site);
    if (id === null || !this.#known.has(id)) return refusal(unknownTarget(targetName, at));
    return { accept: true, opened: (channel) => this.#enter(new ChannelSocket(channel), targetName) };
  }

  #enter(inner: Duplex, targetName: string): void {
    this.#inner.add(inner);
    inner.once('close', () => {
      this.#inner.delete(inner);
      this.#carrying.delete(inner);
    });
    inner.on('error', () => inner.destroy());
    const { accept, remoteAddress } = this.#outer;
    accept(inner, { kind: 'inner', remoteAddress, targetName, jump: this });
  }
}

const refusal = (sentence: string): OpenDecision => ({
  ...{ accept: false, reason: OPEN_FAILURE.PROHIBITED, description: `daypass: ${sentence}` },
});
