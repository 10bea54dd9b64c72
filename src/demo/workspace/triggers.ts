import { randomBytes } from 'node:crypto';
import { SlackError } from './errors.ts';

const TRIGGER_MS = 3_000;
const RESPONSE_MS = 30 * 60_000;
const RESPONSE_USES = 5;
const KEPT_MAX = 2_000;

type Trigger = { readonly user: string; readonly channel: string | null; readonly at: number; used: boolean };

/** Where a response URL speaks: the message that was clicked, or the channel of a command. */
export type ResponseTarget = {
  readonly user: string;
  readonly channel: string;
  readonly threadTs: string | null;
  readonly messageTs: string | null;
};

/** Ids that Slack hands out with an interaction: triggers for one window within 3 s, URLs for five answers within 30 min. */
export class Triggers {
  readonly #triggers = new Map<string, Trigger>();
  readonly #responses = new Map<string, ResponseTarget & { readonly at: number; uses: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  newTrigger(user: string, channel: string | null): string {
    const id = `${Date.now()}.${randomBytes(4).readUInt32BE()}.${randomBytes(16).toString('hex')}`;
    bounded(this.#triggers).set(id, { user, channel, at: this.#now(), used: false });
    return id;
  }

  /** Takes the trigger for one window. */
  exchange(id: string): { readonly user: string; readonly channel: string | null } {
    const trigger = this.#triggers.get(id);
    if (!trigger) throw new SlackError('invalid_trigger_id');
    if (trigger.used) throw new SlackError('exchanged_trigger_id');
    if (this.#now() - trigger.at > TRIGGER_MS) throw new SlackError('expired_trigger_id');
    trigger.used = true;
    return trigger;
  }

  newResponse(target: ResponseTarget): string {
    const id = randomBytes(16).toString('hex');
    bounded(this.#responses).set(id, { ...target, at: this.#now(), uses: 0 });
    return id;
  }

  respond(id: string): ResponseTarget {
    const response = this.#responses.get(id);
    if (!response || this.#now() - response.at > RESPONSE_MS) throw new SlackError('expired_url');
    if (response.uses >= RESPONSE_USES) throw new SlackError('used_url');
    response.uses += 1;
    return response;
  }
}

function bounded<Value>(map: Map<string, Value>): Map<string, Value> {
  const [oldest] = map.keys();
  if (map.size >= KEPT_MAX && oldest !== undefined) map.delete(oldest);
  return map;
}
