import type { PersonId } from '../../access/ids.ts';
import { type Line, line, listed, mono, own, someOf, value } from './line.ts';
import { roughly } from './units.ts';

const TARGETS_SHOWN = 10;

/** `web-01, db-01`; the rest is counted. */
function targetsLine(targets: readonly { readonly id: string }[], max = TARGETS_SHOWN): Line {
  const shown = targets.slice(0, max).map((target) => mono(target.id, 70));
  const rest = targets.length - shown.length;
  return listed(rest > 0 ? [...shown, line`${rest} more`] : shown);
}

/** What an access is: targets, login, scope. */
export const accessLine = (terms: {
  readonly targets: readonly { readonly id: string }[];
  readonly login: string;
  readonly scope: { readonly name: string };
}): Line => line`${targetsLine(terms.targets)} as ${mono(terms.login, 40)}, scope ${mono(terms.scope.name, 60)}`;

const PEOPLE_SHOWN = 5;

/** Who decides a request. */
export const askedLine = (asked: readonly PersonId[], names: ReadonlyMap<PersonId, string>): Line =>
  asked.length === 0
    ? line`Nobody can review it right now. Ask the person who opened the engagement`
    : line`${someOf(
        asked.map((id) => value(names.get(id) ?? 'somebody', 80)),
        PEOPLE_SHOWN,
      )} ${own(asked.length === 1 ? 'was' : 'were')} asked to review it`;

/** `59 minutes left, until …`. */
export const timeLeft = (until: Date, now: Date): Line =>
  line`*${own(roughly(until.getTime() - now.getTime()))} left*, until ${until}`;
