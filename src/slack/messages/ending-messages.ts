import { expiresAt, hasExpired } from '../../access/grant.ts';
import type { EndingView } from '../../use-cases/views/views.ts';
import { accessLine } from '../words/access-line.ts';
import { actions, type Block, context, section } from '../words/blocks.ts';
import { doneButton, extendButton } from '../words/buttons.ts';
import { type Line, line, own, strong, toNotification } from '../words/line.ts';
import { minutes } from '../words/units.ts';
import { nameOf } from './engagement-message.ts';
import { grantOver } from './over-messages.ts';

type Message = { readonly text: string; readonly blocks: Block[] };

/** What becomes of the access at the end of its grant. */
const whatOf = ({ grant, targets }: EndingView): Line =>
  accessLine({ ...grant.terms, targets: targets.length > 0 ? targets : grant.terms.targets });

const isOver = ({ grant }: EndingView, now: Date): boolean => grant.end !== null || hasExpired(grant, now);

/** Until when all of it goes on under another grant; null where some of it does not. */
const extendedUntil = ({ grant, targets, goesOnUntil }: EndingView): Date | null =>
  targets.length === 0 && goesOnUntil && goesOnUntil > expiresAt(grant) ? goesOnUntil : null;

/** To the contractor, before access ends: how long is left and what to do. Afterwards it says what became of it. */
export function grantEnding(view: EndingView, now: Date): Message {
  const { grant, engagement } = view;
  if (isOver(view, now)) return grantOver(view);
  const until = extendedUntil(view);
  const where = strong(engagement.name, 80);
  const what = line`${whatOf(view)}, in ${where}`;
  if (until) {
    const said = line`:white_check_mark: *Your access was extended*, until ${until}`;
    return { text: toNotification(line`${said}. ${what}`), blocks: [section(said, what)] };
  }
  const left = own(minutes(expiresAt(grant).getTime() - now.getTime()));
  const said = line`:hourglass_flowing_sand: *Your access ends in ${left}*, ${expiresAt(grant)}`;
  return {
    text: toNotification(line`${said}. ${what}`),
    blocks: [
      section(said, what),
      context(next(view)),
      actions('ending', [
        ...(view.noExtension === null ? [extendButton(grant.id, 'primary')] : []),
        doneButton(grant.id),
      ]),
    ],
  };
}

function next({ noExtension, goesOnUntil, liveSessions }: EndingView): Line {
  switch (noExtension) {
    case 'engagement':
      return line`It cannot be extended: the engagement ends then, and all access in it.`;
    case 'hours':
      return line`It cannot be extended: the allowed hours are over then. Request access again when they begin.`;
    case 'policy':
      return line`It cannot be extended: policy no longer allows this access.`;
    case null: {
      const rest = goesOnUntil ? line` The rest of your access goes on until ${goesOnUntil}.` : [];
      const sessions = liveSessions > 0 ? own(' Your open sessions then go on without reconnecting.') : [];
      return line`Need longer? Press Extend now: a reviewer has to approve it.${sessions}${rest}`;
    }
    default:
      return noExtension satisfies never;
  }
}

/** The same for the thread, in small print. It changes in place, so it counts no time. */
export function grantEndingLine(view: EndingView, now: Date): Message {
  const who = line`${nameOf(view.names, view.grant.terms.personId)}, ${whatOf(view)}`;
  const said = ending(view, now);
  // In a line of its own, without anybody's words, Slack shows the time as each reader's.
  return { text: toNotification(line`${said}: ${who}`), blocks: [context(said, who)] };
}

function ending(view: EndingView, now: Date): Line {
  if (isOver(view, now)) return line`:checkered_flag: This access has ended`;
  const until = extendedUntil(view);
  if (until) return line`:white_check_mark: Extended until ${until}`;
  const left =
    view.due === null ? own('This access ends soon') : line`Less than ${own(minutes(view.due * 60_000))} left`;
  return line`:hourglass_flowing_sand: ${left}, until ${expiresAt(view.grant)}`;
}
