import { expiresAt, type Grant } from '../../access/grant.ts';
import { short } from '../../access/ids.ts';
import { asciiOnly } from '../../access/printable.ts';
import type { SelfServiceAnswer, SelfServiceAsk, SelfServiceRefusal } from '../../use-cases/sessions/self-service.ts';
import { ANSWER_MAX, type Served } from '../pipe/worker-messages.ts';
import { type ConfigFacts, clientConfig, setUpScript } from './client-config.ts';
import { gatewayAddress, printable, type TerminalRejection, wordForTerminal } from './refusals.ts';

export type Parsed = {
  readonly ask: SelfServiceAsk;
  readonly asJson: boolean;
  /** The ssh_config in a script that installs it. */
  readonly asScript?: true;
};

const HELP = `list [--json]        your access, when it ends, and requests still waiting
cert [<grant>]       your certificate, for the key that you connect with
end <grant> | --all  hand access back; its live sessions end
setup                set up ssh, once: end the line with  | sh
config               the ssh_config that setup installs
help                 this text
`;
const ASK = 'Request access in Slack: /access request.';

export const failure = (sentence: string, exit: number): Served => ({
  stdout: '',
  stderr: `daypass: ${printable(sentence)}\n`,
  exit,
});
const success = (stdout: string, stderr = ''): Served => ({ stdout, stderr, exit: 0 });

/** The words of an exec line, or the answer to words that are no question. */
export function parseWords(line: string): Parsed | { readonly served: Served } {
  const [verb = 'list', ...rest] = line.split(/[ \t\r\n]+/).filter((word) => word !== '');
  const [first = null] = rest;
  const usage = { served: failure(`"${line.trim().slice(0, 60)}" is not a command. Try: help`, 2) };
  if (verb === 'list' && (rest.length === 0 || (rest.length === 1 && first === '--json')))
    return { ask: { verb: 'list' }, asJson: first === '--json' };
  if (rest.length > 1 || (first?.startsWith('-') && first !== '--all')) return usage;
  switch (verb) {
    case 'cert':
      return first === '--all' ? usage : { ask: { verb, grant: first }, asJson: false };
    case 'end':
      return { ask: { verb, which: first === '--all' ? 'all' : { grant: first } }, asJson: false };
    case 'config':
      return first === null ? { ask: { verb }, asJson: false } : usage;
    case 'setup':
      return first === null ? { ask: { verb: 'config' }, asJson: false, asScript: true } : usage;
    case 'help':
      return { served: success(HELP) };
    default:
      return usage;
  }
}

/** Control's answer, as it is read in a terminal or by a program. */
export function wordAnswer(
  answer: SelfServiceAnswer,
  { asJson, asScript }: Pick<Parsed, 'asJson' | 'asScript'>,
  facts: ConfigFacts,
): Served {
  const at = gatewayAddress(facts.host, facts.port);
  switch (answer.kind) {
    case 'list':
      return bounded(asJson ? json(answer) : table(answer), notesOf(answer, at));
    case 'certificate': {
      const left = some(answer.leftOut, LOGINS_SHOWN);
      return success(
        `${answer.line}\n`,
        left && `daypass: One certificate has no room for: ${left}. Try: cert <grant>\n`,
      );
    }
    case 'ended':
      return success(endedLines(answer.ended));
    case 'config':
      return success(asScript ? setUpScript(facts, answer) : clientConfig(facts, answer));
    case 'refused':
      return failure(wordWhy(answer.why, at), 1);
  }
}

type OwnCode = Exclude<SelfServiceRefusal['code'], TerminalRejection['code']> | 'no_live_grant';
type OwnRefusal = Extract<SelfServiceRefusal, { code: OwnCode }>;

/** What a login would be refused with is worded as it is there. */
const wordWhy = (why: SelfServiceRefusal, at: string): string =>
  isOwn(why) ? WORDS[why.code](why as never) : wordForTerminal(why, at);
const isOwn = (why: SelfServiceRefusal): why is OwnRefusal => Object.hasOwn(WORDS, why.code);

const WORDS: { [Code in OwnCode]: (why: Extract<OwnRefusal, { code: Code }>) => string } = {
  key_removed: () =>
    'The key that you connected with is no longer registered. To register one, type /access key in Slack.',
  no_live_grant: () => `You have no access at the moment. ${ASK}`,
  key_in_no_grant: () =>
    `The key you connected with is not covered by this access. Use your earlier key, or request access again.`,
  no_such_grant: ({ given }) => `You have no grant "${given.slice(0, 40)}". Try: list`,
  ambiguous_grant: ({ given, ids }) => `"${given.slice(0, 36)}" could be any of: ${ids.slice(0, 3).join(', ')}`,
  which_grant: ({ ids }) => `Which grant? ${ids.slice(0, 8).join(', ')}; or --all`,
  already_ended: () => 'That access has already ended.',
};

const LOGINS_SHOWN = 3;
const ENDED_SHOWN = 50;

const some = (names: readonly string[], max: number): string =>
  [...names.slice(0, max), ...(names.length > max ? [`${names.length - max} more`] : [])].join(', ');

const targetsOf = (grant: Grant): string => grant.terms.targets.map((target) => target.id).join(',');
const utc = (when: Date): string => `${when.toISOString().slice(0, 16).replace('T', ' ')}Z`;

type Ended = Extract<SelfServiceAnswer, { kind: 'ended' }>['ended'];

function endedLines(ended: Ended): string {
  const lines = ended.slice(0, ENDED_SHOWN).map(({ grant, sessions }) => {
    const live = sessions === 0 ? '' : `; ${sessions} live ${sessions === 1 ? 'session ends' : 'sessions end'} with it`;
    return `Handed back ${short(grant.id)}: ${clip(targetsOf(grant), 60)} as ${grant.terms.login}${live}`;
  });
  const more = ended.length - lines.length;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : []), ''].join('\n');
}

type List = Extract<SelfServiceAnswer, { kind: 'list' }>;

/** Widths that add up to 80 columns. */
const COLUMNS = [8, 26, 12, 9, 6, 12] as const;
const HEAD = ['GRANT', 'TARGETS', 'LOGIN', 'SCOPE', 'LEFT', 'ENDS (UTC)'];

function table({ grants, pending, at }: List): string {
  const rows = grants.map((grant) => [
    short(grant.id),
    targetsOf(grant),
    grant.terms.login,
    grant.terms.scope.name,
    left(expiresAt(grant).getTime() - at.getTime()),
    utc(expiresAt(grant)).slice(5, 16),
  ]);
  const none =
    pending.length > 0 ? 'You have no access yet. Your requests:' : `You have no access at the moment. ${ASK}`;
  const lines = rows.length > 0 ? [HEAD, ...rows].map(row) : [none];
  const waiting = pending.map(({ id, ask }) =>
    clip(`waiting  ${short(id)}  ${ask.targets.map((target) => target.id).join(',')} as ${ask.login}`, 80),
  );
  return [...lines, ...waiting, ''].join('\n');
}

const row = (cells: readonly string[]): string =>
  COLUMNS.map((width, index) => clip(cells[index] ?? '', width).padEnd(width))
    .join(' ')
    .trimEnd();

const clip = (text: string, max: number): string => {
  const plain = asciiOnly(text);
  return plain.length <= max ? plain : `${plain.slice(0, max - 2)}..`;
};

function left(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  return minutes < 60 ? `${minutes}m` : `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}`;
}

const json = ({ grants, pending, at }: List): string =>
  `${JSON.stringify({
    grants: grants.map(({ id, terms }) => ({
      id,
      targets: terms.targets.map((target) => target.id),
      ...{ login: terms.login, scope: terms.scope.name, endsAt: terms.notAfter },
      secondsLeft: Math.max(0, Math.floor((Date.parse(terms.notAfter) - at.getTime()) / 1_000)),
    })),
    pending: pending.map(({ id, ask, expiresAt: until }) => ({
      id,
      targets: ask.targets.map((target) => target.id),
      ...{ login: ask.login, scope: ask.scope.name, expiresAt: until.toISOString() },
    })),
  })}\n`;

const NOTES_SHOWN = 3;
/** What was granted and opens nothing at the moment, beside the list. */
const notesOf = ({ notes }: List, at: string): string =>
  notes
    .slice(0, NOTES_SHOWN)
    .map((why) => `daypass: ${printable(wordWhy(why, at))}\n`)
    .join('');

const bounded = (text: string, notes: string): Served =>
  text.length <= ANSWER_MAX
    ? success(text, notes)
    : failure('The answer is too long to show here. Use Slack: /access list.', 1);
