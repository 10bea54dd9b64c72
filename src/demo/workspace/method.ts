import { z } from 'zod';
import type { Core } from './core.ts';
import { invalid, SlackError } from './errors.ts';
import type { Channel } from './state.ts';

/** The scope a call needs: none, one, or one that depends on the kind of the conversation. */
export type Need = null | string | Readonly<Record<Channel['kind'], string>>;

export type Method = {
  readonly token: 'bot' | 'app';
  readonly need: Need;
  readonly run: (core: Core, args: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
};

type Spec<Schema extends z.ZodType> = {
  readonly need: Need;
  readonly args: Schema;
  readonly token?: 'app';
  readonly run: (core: Core, args: z.output<Schema>) => Readonly<Record<string, unknown>>;
};

/** A Web API method: its arguments are parsed, its scope is asked for before it runs. */
export const method = <Schema extends z.ZodType>({ need, args, token, run }: Spec<Schema>): Method => ({
  token: token ?? 'bot',
  need,
  run: (core, given) => {
    const parsed = args.safeParse(given);
    if (!parsed.success) {
      const problems = parsed.error.issues.map(
        (issue) => `[ERROR] ${issue.message} [json-pointer:/${issue.path.map(String).join('/')}]`,
      );
      throw invalid('invalid_arguments', problems.slice(0, 20));
    }
    return run(core, parsed.data);
  },
});

/** Arguments of a form body are strings; structures come as JSON in them. */
export const json = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => {
    if (typeof value !== 'string') return value;
    try {
      return JSON.parse(value) as unknown;
    } catch {
      return value;
    }
  }, schema);

export const flag = z.preprocess((value) => value === true || value === 'true' || value === '1', z.boolean());
export const whole = (fallback: number, max: number) => z.coerce.number().int().min(0).max(max).default(fallback);
export const id = z.string().min(1).max(255);

/** Refuses like Slack where the app's token lacks the scope. */
export function requireScope(core: Core, need: Need, channel: Channel | null): void {
  const scope = need === null || typeof need === 'string' ? need : need[channel?.kind ?? 'public'];
  if (scope === null || core.manifest.scopes.has(scope)) return;
  throw new SlackError('missing_scope', { needed: scope, provided: [...core.manifest.scopes].join(',') });
}

/** A conversation that the bot can see: public ones, and those it is in. */
export function conversation(core: Core, channelId: string): Channel {
  const channel = core.state.channel(channelId);
  if (!channel || (channel.kind !== 'public' && !channel.members.has(core.state.bot))) {
    throw new SlackError('channel_not_found');
  }
  return channel;
}

/** A conversation that the bot is in. */
export function joined(core: Core, channelId: string): Channel {
  const channel = conversation(core, channelId);
  if (!channel.members.has(core.state.bot)) throw new SlackError('not_in_channel');
  return channel;
}
