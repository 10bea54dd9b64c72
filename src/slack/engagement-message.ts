import type { Engagement } from '../access/engagement.ts';
import type { PersonId } from '../access/ids.ts';
import { findScope, type Scope, type ScopeName } from '../access/scope.ts';
import { ACTION } from './action-ids.ts';
import { actions, type Block, button, context, header, sections } from './blocks.ts';
import { bold, code, escapeText } from './text.ts';
import { day, list } from './words.ts';

type Names = ReadonlyMap<PersonId, string>;
const NAME_MAX = 80;
const PEOPLE_MAX = 40;
const SCOPES_MAX = 20;

export const nameOf = (names: Names, person: PersonId): string => bold(names.get(person) ?? 'somebody', NAME_MAX);

const people = (names: Names, ids: readonly PersonId[]): string => {
  const shown = ids.slice(0, PEOPLE_MAX).map((id) => names.get(id) ?? 'somebody');
  const rest = ids.length - shown.length;
  return rest === 0 ? list(shown, NAME_MAX) : `${list(shown, NAME_MAX)} (${rest} more)`;
};

/** The root of the engagement's thread. */
export function engagementMessage(
  engagement: Engagement,
  names: Names,
  scopes: readonly Scope[],
): { text: string; blocks: Block[] } {
  const { name, vendor, sponsorId, memberIds, reviewerIds, targetIds, lastDay, timeZone } = engagement;
  return {
    text: `Engagement ${escapeText(name, NAME_MAX)} is open: ask for access with the Request button.`,
    blocks: [
      header('Engagement'),
      ...sections([
        `${bold(name, NAME_MAX)} · with ${bold(vendor, NAME_MAX)} · opened by ${nameOf(names, sponsorId)} · until the end of ${day(lastDay)} (${escapeText(timeZone, 60)})`,
        `Members: ${people(names, memberIds)}`,
        `Reviewers: ${people(names, reviewerIds)}`,
        'Scopes:',
        ...scopeLines(engagement.scopes, scopes),
        'Targets:',
        ...chunks(targetIds.map((id) => code(id, 70)).slice(0, 100), 10).map((ids) => ids.join(' ')),
      ]),
      actions('engagement', [
        button({ action: ACTION.openRequest, label: 'Request access', value: engagement.id, style: 'primary' }),
        button({ action: ACTION.showKey, label: 'Register a key' }),
        button({ action: ACTION.showList, label: 'My access' }),
      ]),
      context('Everything about this engagement happens in this thread. Sessions through Daypass are recorded.'),
    ],
  };
}

function scopeLines(names: readonly ScopeName[], scopes: readonly Scope[]): string[] {
  const lines = names.slice(0, SCOPES_MAX).map((name) => {
    const words = findScope(scopes, name)?.words;
    return `• ${code(name, 60)} ${words === undefined ? 'is defined no longer' : escapeText(words, 130)}`;
  });
  return names.length > lines.length ? [...lines, `and ${names.length - lines.length} more`] : lines;
}

const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
