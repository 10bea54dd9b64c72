import type { App } from '@slack/bolt';
import type { z } from 'zod';
import type { Result } from '../../access/result.ts';
import { type Asker, type Claim, type Edge, whoAsks } from '../edge.ts';
import { followChannel } from '../readings/channel-move.ts';
import type { PeopleWatch } from '../readings/people.ts';
import { CALLBACK, COMMAND, TARGETS_MENU } from '../words/action-ids.ts';
import type { SlackHealth } from '../workspace/health.ts';
import { refusal, respondTo, say } from './answer.ts';
import type { Boundary } from './boundary.ts';
import { changeChoice, isChoice } from './choices.ts';
import { CLICKS, tellAt } from './clicks.ts';
import { react } from './commands.ts';
import { submitComment } from './comment.ts';
import { submitEngagement } from './engagement.ts';
import { submitChange, submitChangeDenial } from './engagement-change.ts';
import { publishHome } from './home.ts';
import { submitClose, submitOffboard, submitTick } from './offboard.ts';
import {
  ActionPayload,
  ChannelMovedEvent,
  CommandPayload,
  fieldsOf,
  HomeEvent,
  MessageEvent,
  PeopleEvent,
  RemovalEvent,
  SubmissionPayload,
  SuggestionPayload,
} from './payloads.ts';
import { submitRequest, suggestTargets } from './request.ts';
import { submitDenial } from './review.ts';
import { submitRevocation } from './revoke.ts';
import { type AckView, type Outcome, submission } from './submission.ts';
import { answerWords } from './typed-words.ts';

type Deps = {
  readonly app: App;
  readonly edge: Edge;
  /** The same for what nobody pressed: its calls to Slack let those of clicks pass. */
  readonly patient: Edge;
  readonly boundary: Boundary;
  readonly people: PeopleWatch;
  readonly health: SlackHealth;
};

/** Events after which people's standing may be another. */
export const PEOPLE_EVENTS = [
  'user_change',
  'member_left_channel',
  'subteam_members_changed',
  'channel_unshared',
  // Of the app itself: it joined, or is in a channel no more.
  'member_joined_channel',
  'channel_left',
  'group_left',
  'channel_archive',
  'group_archive',
  'channel_unarchive',
  'group_unarchive',
  'channel_deleted',
  'group_deleted',
] as const;

/** Events that take the app out of the workspace; Slack tells them while the connection still stands. */
export const REMOVAL_EVENTS = ['app_uninstalled', 'tokens_revoked'] as const;

/** Ties every payload of Slack to its conversation. A listener parses, asks who it is, and passes on. */
export function listen(deps: Deps): void {
  onCommand(deps);
  onClick(deps);
  onSubmission(deps);
  onSuggestion(deps);
  onHome(deps);
  onMessage(deps);
  onPeopleChange(deps);
  onChannelMove(deps);
  onRemoval(deps);
}

/** Null, and a line in the log, for what is not what Slack documents. */
function parsed<Schema extends z.ZodType>(
  edge: Edge,
  schema: Schema,
  body: unknown,
  kind: string,
): z.output<Schema> | null {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  edge.log.warn({ interaction: kind, problems: result.error.issues.slice(0, 5) }, 'a payload was not understood');
  return null;
}

const quiet = async (): Promise<void> => undefined;

function onCommand({ app, edge, boundary }: Deps): void {
  app.command(COMMAND, async ({ ack, body }) => {
    await ack();
    const payload = parsed(edge, CommandPayload, body, 'command');
    if (!payload) return;
    const { trigger_id, response_url, user_id: userId } = payload;
    const tell = (sentence: string): Promise<void> => respondTo(edge, response_url, say(sentence));
    await boundary.run({ kind: 'command', key: trigger_id }, tell, async () => {
      const asker = await whoAsks(edge, { userId, teamId: null });
      if (!asker.ok) return respondTo(edge, response_url, await refusal(edge, asker.rejection));
      const reaction = await react(edge, asker.value, payload.text);
      if ('answer' in reaction) return respondTo(edge, response_url, reaction.answer);
      await edge.web.views.open({ trigger_id, view: reaction.open });
    });
  });
}

function onClick({ app, edge, boundary }: Deps): void {
  app.action(/.*/, async ({ ack, body }) => {
    await ack();
    const payload = parsed(edge, ActionPayload, body, 'click');
    const action = payload?.actions[0];
    const name = action?.action_id.split(':')[0] ?? '';
    if (payload && isChoice(name, payload)) {
      const about = { kind: 'choice', key: payload.trigger_id };
      return boundary.run(about, quiet, () => changeChoice({ edge, claim: claimOf(payload), payload }));
    }
    const press = CLICKS.get(name);
    // Menus of a form report each choice; only the buttons and menus that do something are of interest.
    if (!payload || !action || !press) return;
    const tell = (sentence: string): Promise<void> => tellAt(edge, payload, say(sentence));
    await boundary.run({ kind: 'click', key: payload.trigger_id }, tell, async () => {
      const asker = await whoAsks(edge, claimOf(payload));
      if (!asker.ok) return tellAt(edge, payload, await refusal(edge, asker.rejection));
      await press({ edge, asker: asker.value, payload, value: action.value });
    });
  });
}

const claimOf = ({ user }: { user: { id: string; team_id?: string | null | undefined } }): Claim => ({
  userId: user.id,
  teamId: user.team_id ?? null,
});

function onSubmission({ app, edge, boundary }: Deps): void {
  const forms: Readonly<Record<string, (asker: Result<Asker>, payload: SubmissionPayload) => Promise<Outcome>>> = {
    [CALLBACK.request]: (asker, { view }) => submitRequest(edge, asker, view),
    [CALLBACK.engagement]: (asker, { view }) => submitEngagement(edge, asker, view),
    [CALLBACK.change]: (asker, { view }) => submitChange(edge, asker, view),
    [CALLBACK.denyChange]: (asker, { view }) =>
      submitChangeDenial(edge, asker, view, fieldsOf(view)('comment')[0] ?? null),
    [CALLBACK.revoke]: (asker, { view }) => submitRevocation(edge, asker, view, fieldsOf(view)('comment')[0] ?? null),
    [CALLBACK.offboard]: (asker, { view }) => submitOffboard(edge, asker, view),
    [CALLBACK.close]: (asker, { view }) => submitClose(edge, asker, view),
    [CALLBACK.tick]: (asker, { view }) => submitTick(edge, asker, view),
    [CALLBACK.comment]: (asker, { view }) => submitComment(edge, asker, view),
    [CALLBACK.deny]: (asker, { view }) => submitDenial(edge, asker, view, fieldsOf(view)('comment')[0] ?? null),
  };
  for (const [callback, submit] of Object.entries(forms)) {
    app.view({ callback_id: callback, type: 'view_submission' }, async ({ ack, body }) => {
      const payload = parsed(edge, SubmissionPayload, body, callback);
      if (!payload) return ack();
      const answer: AckView = (response) => (response === undefined ? ack() : ack(response));
      const { view, trigger_id: triggerId, user } = payload;
      const fields = Object.keys(view.state?.values ?? {});
      const form = { kind: callback, viewId: view.id, triggerId, userId: user.id, fields, ack: answer };
      await submission(edge, boundary, form, async () => submit(await whoAsks(edge, claimOf(payload)), payload));
    });
  }
}

function onSuggestion({ app, edge, boundary }: Deps): void {
  app.options(new RegExp(`^${TARGETS_MENU}`), async ({ ack, body }) => {
    const payload = parsed(edge, SuggestionPayload, body, 'suggestion');
    if (!payload) return ack({ options: [] });
    await boundary.run(
      { kind: 'suggestion', key: null },
      () => ack({ options: [] }),
      async () => {
        const asker = await whoAsks(edge, claimOf(payload));
        const options = asker.ok ? await suggestTargets(edge, asker.value, payload.action_id, payload.value) : [];
        await ack({ options });
      },
    );
  });
}

function onHome({ app, patient: edge, boundary }: Deps): void {
  app.event('app_home_opened', async ({ body }) => {
    const payload = parsed(edge, HomeEvent, body, 'home');
    if (!payload || (payload.event.tab ?? 'home') !== 'home') return;
    await boundary.run({ kind: 'event', key: payload.event_id }, quiet, async () => {
      const asker = await whoAsks(edge, { userId: payload.event.user, teamId: null });
      if (asker.ok) await publishHome(edge, asker.value);
    });
  });
}

function onMessage({ app, patient: edge, boundary }: Deps): void {
  for (const type of ['message', 'app_mention'] as const) {
    app.event(type, async ({ body }) => {
      const payload = parsed(edge, MessageEvent, body, type);
      if (!payload) return;
      const { event, event_id: key } = payload;
      const teamId = event.user_team ?? event.team ?? null;
      // Edits, joins and bots are no words to Daypass; a mention inside a direct message arrives as both kinds.
      if (!event.user || event.bot_id || event.subtype || (type === 'message') !== (event.channel_type === 'im'))
        return;
      await boundary.run({ kind: 'event', key }, quiet, () =>
        answerWords(edge, { ...event, user: event.user ?? '', teamId }),
      );
    });
  }
}

function onPeopleChange({ app, edge, boundary, people }: Deps): void {
  for (const type of PEOPLE_EVENTS) {
    app.event(type, async ({ body }) => {
      const payload = parsed(edge, PeopleEvent, body, type);
      if (!payload) return;
      const { user, channel } = payload.event;
      const userId = typeof user === 'string' ? user : user?.id;
      await boundary.run({ kind: 'event', key: payload.event_id }, quiet, async () => {
        // Of others who join nothing follows before the next round; a channel that the app was invited to can be read again.
        if (type === 'member_joined_channel' && userId !== edge.own.botUserId) return;
        if (channel !== undefined)
          await people.readChannel(channel, type === 'member_left_channel' ? (userId ?? null) : null);
        else if (userId === undefined) people.readGroups();
        else await people.read(userId);
      });
    });
  }
}

function onChannelMove({ app, patient: edge, boundary }: Deps): void {
  app.event('channel_id_changed', async ({ body }) => {
    const payload = parsed(edge, ChannelMovedEvent, body, 'channel_id_changed');
    if (!payload) return;
    const { old_channel_id: oldId, new_channel_id: newId } = payload.event;
    await boundary.run({ kind: 'event', key: payload.event_id }, quiet, async () => {
      await followChannel(edge, oldId, newId);
    });
  });
}

function onRemoval({ app, edge, health }: Deps): void {
  for (const type of REMOVAL_EVENTS) {
    app.event(type, async ({ body }) => {
      const payload = parsed(edge, RemovalEvent, body, type);
      // Tokens of people are no tokens of Daypass.
      if (payload && payload.event.tokens?.bot?.length !== 0) health.refused(type);
    });
  }
}
