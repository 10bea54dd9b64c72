import { z } from 'zod';
import { type Engagement, isOver } from '../../access/engagement.ts';
import { EngagementId, OffboardingId, type PersonId, short } from '../../access/ids.ts';
import { NOTE_MAX, OFFBOARD_REASON_MAX, type Offboarding, totalOf } from '../../access/offboarding.ts';
import type { Rejection } from '../../access/rejection.ts';
import { type Result, refuse } from '../../access/result.ts';
import { closeEngagement } from '../../use-cases/offboarding/close-engagement.ts';
import { offboardPerson } from '../../use-cases/offboarding/offboard.ts';
import { tickItem } from '../../use-cases/offboarding/tick-item.ts';
import { type Asker, type Edge, namesFor, peopleNamed } from '../edge.ts';
import { CALLBACK } from '../words/action-ids.ts';
import { input, LIMITS, option, plainText, section, textModal, type View } from '../words/blocks.ts';
import { line, own } from '../words/line.ts';
import { unmarked, word } from '../words/refusals.ts';
import { count } from '../words/units.ts';
import { type Answer, refusal, say } from './answer.ts';
import { fieldsOf, type ViewPayload } from './payloads.ts';
import { errorAt } from './request-form.ts';
import type { Outcome } from './submission.ts';

/** In a menu, beside the beginning of the id: two engagements may have one name. */
const NAME_SHOWN = 60;

const text = (action: string, max: number) =>
  ({ type: 'plain_text_input', action_id: action, multiline: true, max_length: max }) as const;

const reasonInput = () =>
  input({
    field: 'reason',
    label: 'Why',
    hint: 'Only security’s channel shows this.',
    optional: true,
    element: text('reason', OFFBOARD_REASON_MAX),
  });

const MENTION = /<@([UW][A-Z0-9]{2,})(?:\|[^>]*)?>/;

type Opened = { readonly open: View } | { readonly answer: Answer };

/** `/access offboard @person`: a form, so that nobody is offboarded by a slip or by somebody's name. */
export async function offboardReaction(edge: Edge, asker: Asker, typed: string): Promise<Opened> {
  const own = await ownEngagements(edge, asker);
  if (own.length === 0 && !asker.isSecurity)
    return { answer: await refusal(edge, { code: 'may_not_offboard', field: 'person' }) };
  return { open: offboardForm(asker, MENTION.exec(typed)?.[1] ?? null) };
}

/** Open engagements that this person may close, and offboard people from. */
async function ownEngagements(edge: Edge, { person, isSecurity }: Asker): Promise<readonly Engagement[]> {
  const all = await edge.store.transaction((tx) => tx.engagements.all());
  return all.filter((each) => !isOver(each, edge.clock.now()) && (isSecurity || each.sponsorId === person.id));
}

export function offboardForm({ isSecurity }: Pick<Asker, 'isSecurity'>, userId: string | null): View {
  const where = isSecurity
    ? line`This ends everything the person has in Daypass, in every engagement: grants, sessions, requests and SSH keys. They get nothing again until an operator readmits them.`
    : line`This ends everything the person has in the engagements that you opened: grants, sessions and requests. They cannot request access in them again until an operator readmits them. Security can offboard them everywhere.`;
  return {
    type: 'modal',
    callback_id: CALLBACK.offboard,
    title: plainText('Offboard a person', LIMITS.viewTitle),
    submit: plainText('Offboard', LIMITS.viewTitle),
    close: plainText('Cancel', LIMITS.viewTitle),
    blocks: [
      section(where),
      input({
        field: 'person',
        label: 'Person',
        element: {
          type: 'users_select',
          action_id: 'person',
          placeholder: plainText('Who leaves', 150),
          ...(userId && { initial_user: userId }),
        },
      }),
      reasonInput(),
    ],
  };
}

export async function submitOffboard(edge: Edge, asker: Result<Asker>, view: ViewPayload): Promise<Outcome> {
  if (!asker.ok) return errors(edge, view, asker.rejection);
  const field = fieldsOf(view);
  const personId = await personChosen(edge, field('person')[0] ?? '');
  if (!personId) return errors(edge, view, { code: 'unknown_person', field: 'person' });
  const { person, isSecurity } = asker.value;
  const reason = field('reason')[0] ?? null;
  const done = await offboardPerson(edge)({ by: person.id, personId, engagementId: null, reason, isSecurity });
  if (!done.ok) return errors(edge, view, done.rejection);
  return { kind: 'show', view: doneView('Offboarded', done.value) };
}

/** Also somebody whom Slack no longer shows, and whom Daypass knows. */
async function personChosen(edge: Edge, userId: string): Promise<PersonId | null> {
  const [found] = (await peopleNamed(edge, [userId])) ?? [];
  if (found) return found;
  const [known, ...others] = await edge.store.transaction((tx) => tx.persons.byUserId(userId));
  return known && others.length === 0 ? known.id : null;
}

/** `/access engagement close`: the engagements to choose from, with the named one chosen. */
export async function closeReaction(edge: Edge, asker: Asker, name: string): Promise<Opened> {
  const engagements = await ownEngagements(edge, asker);
  if (engagements.length === 0)
    return {
      answer: say('There is no open engagement that you can close. Only the person who opened one, and security, can.'),
    };
  return { open: closeForm(engagements, name) };
}

/** **Close…** below the engagement's message: the form with that one chosen. */
export async function closeButtonReaction(edge: Edge, asker: Asker, id: string | undefined): Promise<Opened> {
  const own = (await ownEngagements(edge, asker)).filter((each) => each.id === id);
  return own.length > 0
    ? { open: closeForm(own, own[0]?.name ?? '') }
    : { answer: await refusal(edge, { code: 'may_not_close', field: 'engagement' }) };
}

export function closeForm(engagements: readonly Engagement[], name: string): View {
  const options = engagements
    .slice(0, LIMITS.options)
    .map((each) => option(`${each.name.slice(0, NAME_SHOWN)} · ${short(each.id)}`, each.id));
  const wanted = name.trim().toLowerCase();
  const named = engagements.filter((each) => wanted !== '' && each.name.toLowerCase().includes(wanted));
  const chosen = named.length === 1 ? options.find(({ value }) => value === named[0]?.id) : undefined;
  return {
    type: 'modal',
    callback_id: CALLBACK.close,
    title: plainText('Close an engagement', LIMITS.viewTitle),
    submit: plainText('Close it', LIMITS.viewTitle),
    close: plainText('Cancel', LIMITS.viewTitle),
    blocks: [
      section(
        line`This ends everything that everybody has in the engagement: grants, sessions and requests. Nothing can be requested in it again. This cannot be undone.`,
      ),
      input({
        field: 'engagement',
        label: 'Engagement',
        element: {
          type: 'static_select',
          action_id: 'engagement',
          options,
          ...(chosen && { initial_option: chosen }),
        },
      }),
      reasonInput(),
    ],
  };
}

export async function submitClose(edge: Edge, asker: Result<Asker>, view: ViewPayload): Promise<Outcome> {
  if (!asker.ok) return errors(edge, view, asker.rejection);
  const field = fieldsOf(view);
  const id = EngagementId.safeParse(field('engagement')[0]);
  if (!id.success) return errors(edge, view, { code: 'may_not_close', field: 'engagement' });
  const { person, isSecurity } = asker.value;
  const reason = field('reason')[0] ?? null;
  const closed = await closeEngagement(edge)({ by: person.id, engagementId: id.data, reason, isSecurity });
  if (!closed.ok) return errors(edge, view, closed.rejection);
  return { kind: 'show', view: doneView('Closed', closed.value) };
}

/** Null is of an engagement in which nothing could be had. */
function doneView(title: string, done: Offboarding | null): View {
  if (!done) return textModal(title, [section(line`The engagement had not started, so there was nothing to end.`)]);
  const { grants, sessions } = totalOf(done.parts);
  return textModal(title, [
    section(
      line`${own(`${count(grants, 'grant')} and ${count(sessions, 'live session')}`)} are ending. Daypass now asks the gateways whether anything is left. The result is in the thread. The checklist for people is in security’s channel.`,
    ),
  ]);
}

const Item = z.tuple([OffboardingId, z.coerce.number().int().nonnegative()]);

/** `<offboarding id>:<number>`, the value of an item's buttons. */
const itemOf = (pressed: string | undefined) => Item.safeParse(pressed?.split(':')).data ?? null;

export async function tick(
  edge: Edge,
  asker: Asker,
  pressed: string | undefined,
  note: string | null,
): Promise<Result<Offboarding>> {
  const about = itemOf(pressed);
  if (!about) return refuse({ code: 'unknown_offboarding' });
  const [offboardingId, item] = about;
  const { person, isSecurity } = asker;
  return tickItem(edge)({ by: person.id, offboardingId, item, note, isSecurity });
}

/** Asks for the note. Null where the button is not one of ours. */
export function noteView(pressed: string | undefined): View | null {
  if (!itemOf(pressed)) return null;
  return {
    type: 'modal',
    callback_id: CALLBACK.tick,
    private_metadata: pressed ?? '',
    title: plainText('Done, with a note', LIMITS.viewTitle),
    submit: plainText('Done', LIMITS.viewTitle),
    close: plainText('Cancel', LIMITS.viewTitle),
    blocks: [
      section(line`The note is kept as evidence, with your name and the time.`),
      input({ field: 'note', label: 'Note', element: text('note', NOTE_MAX) }),
    ],
  };
}

export async function submitTick(edge: Edge, asker: Result<Asker>, view: ViewPayload): Promise<Outcome> {
  if (!asker.ok) return errors(edge, view, asker.rejection);
  const done = await tick(edge, asker.value, view.private_metadata, fieldsOf(view)('note')[0] ?? null);
  return done.ok ? { kind: 'close' } : errors(edge, view, done.rejection);
}

async function errors(edge: Edge, view: ViewPayload, rejection: Rejection): Promise<Outcome> {
  const sentence = word(rejection, unmarked(await namesFor(edge, rejection)));
  return { kind: 'errors', errors: errorAt(view, rejection, sentence) };
}
