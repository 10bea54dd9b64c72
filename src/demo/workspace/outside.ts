import { z } from 'zod';
import type { Core } from './core.ts';
import { sendEvent } from './deliver.ts';
import { PersonaError } from './errors.ts';

/** What goes on in a large workspace beside the people of this one. */

const Move = z.strictObject({
  id: z.string().regex(/^C[A-Z0-9]{2,20}$/),
  /** The event is not delivered, as to an app that is not connected at that moment. */
  unheard: z.boolean().default(false),
});

/** Gives a channel another id, as Slack does when it becomes shared. */
export async function moveChannel(core: Core, oldId: string, body: unknown) {
  const { id, unheard } = Move.parse(body);
  const { channels, messages } = core.state;
  const channel = core.state.channel(oldId);
  if (!channel || channel.kind === 'im') throw new PersonaError(404, 'no_such_channel', 'There is no such channel.');
  channels.delete(oldId);
  channels.set(id, { ...channel, id });
  for (const message of messages) if (message.channel === oldId) Object.assign(message, { channel: id });
  core.state.movedChannels.set(oldId, id);
  core.state.changed();
  if (!unheard) {
    const ids = { old_channel_id: oldId, new_channel_id: id };
    await sendEvent(core, { type: 'channel_id_changed', ...ids, event_ts: core.state.nextTs() });
  }
  return { ok: true, id };
}

const Strangers = z.strictObject({ changes: z.int().min(1).max(500) });

/** Changes of as many people of whom the app knows nothing. */
export function changeStrangers(core: Core, body: unknown) {
  const { changes } = Strangers.parse(body);
  for (let n = 0; n < changes; n += 1) {
    const id = `U0STRANGE${n}`;
    core.state.users.set(id, {
      ...{ id, name: `stranger${n}`, realName: `Stranger ${n}`, title: '', tz: 'Europe/Berlin' },
      ...{ isBot: false, isRestricted: false, isUltraRestricted: false, deleted: false },
      ...{ teamId: null, isHidden: false },
    });
    const user = { id, team_id: core.state.team.id };
    void sendEvent(core, { type: 'user_change', user, event_ts: core.state.nextTs() });
  }
  return { ok: true, changes };
}
