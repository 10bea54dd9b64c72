import type { Askable } from './askable.ts';
import type { EngagementId } from './ids.ts';
import { nearestFirst } from './nearest.ts';
import { wholeOf } from './policy.ts';
import { type TypedToken, tokensOf } from './typed-tokens.ts';

/**
 * A request typed as one line: `web-01,db-01 2h shell "rotate the logs" OPS-123`, in any order. Each word has one meaning or it is a
 * doubt, and a line with a doubt is never filed: it only fills in the form.
 */

/** What a line may speak of. */
export type Speakable = {
  readonly engagements: readonly { readonly id: EngagementId; readonly name: string; readonly can: Askable }[];
  /** Of all rules; a whole word matches one or it is no ticket by them. */
  readonly ticketPatterns: readonly string[];
};

export type AskPart = 'targets' | 'login' | 'scope' | 'duration' | 'reason' | 'ticket' | 'engagement';

export type Doubt =
  /** `allowed` are the words that it could have been, the nearest first. */
  | { readonly kind: 'unknown'; readonly word: string; readonly allowed: readonly string[] }
  | { readonly kind: 'ambiguous'; readonly word: string; readonly parts: readonly AskPart[] }
  | { readonly kind: 'twice'; readonly part: AskPart }
  | { readonly kind: 'missing'; readonly part: AskPart; readonly allowed: readonly string[] }
  | { readonly kind: 'open_quote' }
  /** `for @person`: nobody asks for somebody else. */
  | { readonly kind: 'for_somebody' }
  | { readonly kind: 'too_long' };

export type TypedAsk = {
  readonly engagementId: EngagementId | null;
  readonly targetIds: readonly string[];
  readonly login: string | null;
  readonly scope: string | null;
  readonly durationSeconds: number | null;
  readonly reason: string | null;
  readonly ticket: string | null;
  readonly doubts: readonly Doubt[];
};

const WORDS_MAX = 120;
const DURATION = /^(?=\d)(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?$/;
/** `OPS-123`, `#4711`, or an address; capitals, so that no target's name passes for one. */
const TICKET = /^(?:[A-Z][A-Z0-9_]{0,15}-\d{1,10}|#\d{1,10}|https?:\/\/[^\s"]{1,180})$/;
/** Behind the reason, where nothing else stands: a number, or something with capitals and digits. */
const LAST_TICKET = /^(?=.*\d)(?:[A-Z][A-Z0-9_.-]{1,30}|\d{3,12})$/;
const KEYWORDS = ['as', 'in', 'for'] as const;
type Keyword = (typeof KEYWORDS)[number];

/** Of ASCII alone: no other character becomes a letter of a name. */
const folded = (word: string): string => word.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
const sameName = (one: string, other: string): boolean =>
  folded(one).trim().split(/\s+/).join(' ') === folded(other).trim().split(/\s+/).join(' ');

/** Seconds; null for what is no duration, or none at all. */
export function typedDuration(word: string): number | null {
  const parts = DURATION.exec(folded(word));
  if (!parts) return null;
  const [days = 0, hours = 0, minutes = 0] = parts.slice(1).map((each) => Number(each ?? 0));
  return days * 86_400 + hours * 3_600 + minutes * 60 || null;
}

export function parseTypedAsk(text: string, known: Speakable): TypedAsk {
  const { tokens, isOpen } = tokensOf(text);
  const reading = new Reading(known, tokens.slice(0, WORDS_MAX));
  if (tokens.length > WORDS_MAX) reading.doubt({ kind: 'too_long' });
  if (isOpen) reading.doubt({ kind: 'open_quote' });
  return reading.result();
}

const only = <T>(items: readonly T[]): T | null => (items.length === 1 ? (items[0] ?? null) : null);
const union = <T>(lists: readonly (readonly T[])[]): readonly T[] => [...new Set(lists.flat())];

class Reading {
  readonly #known: Speakable;
  readonly #doubts: Doubt[] = [];
  readonly #selectors: string[] = [];
  readonly #targetIds = new Set<string>();
  readonly #logins: string[] = [];
  readonly #scopes: string[] = [];
  readonly #durations: number[] = [];
  readonly #reasons: string[] = [];
  readonly #tickets: string[] = [];
  readonly #engagements: Speakable['engagements'][number][] = [];
  #wantsEngagement = false;

  constructor(known: Speakable, tokens: readonly TypedToken[]) {
    this.#known = known;
    const rest = this.#takeEngagement(tokens);
    this.#take(rest);
    this.#select();
  }

  doubt(doubt: Doubt): void {
    this.#doubts.push(doubt);
  }

  get #engagement(): Speakable['engagements'][number] | null {
    return this.#wantsEngagement ? only(this.#engagements) : only(this.#known.engagements);
  }

  /** Where it is not clear which engagement is meant, words of all of them are understood. */
  get #can(): Pick<Askable, 'targets' | 'logins' | 'scopes'> {
    const engagement = this.#engagement;
    if (engagement) return engagement.can;
    const all = this.#known.engagements.map(({ can }) => can);
    return {
      targets: union(all.map(({ targets }) => targets)),
      logins: union(all.map(({ logins }) => logins)),
      scopes: union(all.map(({ scopes }) => scopes)),
    };
  }

  /** `in <engagement>` comes first, because it says what the other words can mean. */
  #takeEngagement(tokens: readonly TypedToken[]): readonly TypedToken[] {
    const at = tokens.findIndex((token) => isKeyword(token, 'in'));
    if (at === -1) return tokens;
    this.#wantsEngagement = true;
    if (this.#can.targets.some(({ id }) => id === 'in')) this.doubt(ambiguous('in', ['targets', 'engagement']));
    const names = this.#known.engagements.map(({ name }) => name);
    const behind = tokens.slice(at + 1);
    const runs = runsOf(behind).flatMap(({ text, length }) =>
      this.#known.engagements.flatMap((each) => (sameName(each.name, text) ? { each, length } : [])),
    );
    const [first, ...others] = runs;
    const length = Math.max(1, ...runs.map((run) => run.length));
    if (first && others.length === 0) this.#engagements.push(first.each);
    else if (first) this.doubt({ kind: 'ambiguous', word: first.each.name, parts: ['engagement'] });
    else if (behind[0]) this.doubt(unknown(behind[0].text, names));
    else this.doubt({ kind: 'missing', part: 'engagement', allowed: names });
    const rest = [...tokens.slice(0, at), ...behind.slice(length)];
    if (rest.some((token) => isKeyword(token, 'in'))) this.doubt({ kind: 'twice', part: 'engagement' });
    return rest.filter((token) => !isKeyword(token, 'in'));
  }

  #take(tokens: readonly TypedToken[]): void {
    const lastReason = tokens.findLastIndex(({ quoted }) => quoted);
    for (let index = 0; index < tokens.length; index += 1) {
      const token = tokens[index];
      if (!token) return;
      const next = tokens[index + 1];
      if (token.quoted) this.#reasons.push(token.text);
      else if (isKeyword(token, 'as')) {
        this.#takeLogin(token, next);
        index += 1;
      } else if (isKeyword(token, 'for')) {
        if (this.#takeFor(token, next)) index += 1;
      } else this.#takeWord(token.text, lastReason !== -1 && index === tokens.length - 1 && index > lastReason);
    }
  }

  #takeLogin(keyword: TypedToken, next: TypedToken | undefined): void {
    const { logins, targets } = this.#can;
    if (targets.some(({ id }) => id === 'as')) this.doubt(ambiguous(keyword.text, ['targets', 'login']));
    if (!next || next.quoted) {
      this.doubt({ kind: 'missing', part: 'login', allowed: logins });
      return;
    }
    const login = logins.find((each) => each === next.text) ?? logins.find((each) => each === folded(next.text));
    if (login) this.#logins.push(login);
    else this.doubt(unknown(next.text, logins));
  }

  /** True where it took the next word too. `for 2h` is a duration. */
  #takeFor(keyword: TypedToken, next: TypedToken | undefined): boolean {
    if (this.#can.targets.some(({ id }) => id === 'for')) this.doubt(ambiguous(keyword.text, ['targets']));
    if (next && !next.quoted && /^(?:@|<@)/.test(next.text)) {
      this.doubt({ kind: 'for_somebody' });
      return true;
    }
    if (!next || next.quoted || typedDuration(next.text) === null) this.doubt(unknown(keyword.text, this.#allowed()));
    return false;
  }

  #takeWord(text: string, isLast: boolean): void {
    for (const word of text.split(',').filter((each) => each !== '')) {
      const { targets, scopes } = this.#can;
      const name = folded(word);
      const target = targets.find(({ id }) => id === name);
      const scope = scopes.find((each) => each.name === name);
      const seconds = typedDuration(word);
      const isTicket = this.#isTicket(word);
      const parts: readonly AskPart[] = [
        ...(target ? (['targets'] as const) : []),
        ...(scope ? (['scope'] as const) : []),
        ...(seconds !== null ? (['duration'] as const) : []),
        ...(isTicket ? (['ticket'] as const) : []),
      ];
      if (parts.length > 1) this.doubt(ambiguous(word, parts));
      else if (isTicket && this.#isNearly(word)) this.doubt(unknown(word, this.#allowed()));
      else if (target) this.#targetIds.add(target.id);
      else if (scope) this.#scopes.push(scope.name);
      else if (seconds !== null) this.#durations.push(seconds);
      else if (isTicket || (isLast && word === text && LAST_TICKET.test(word) && !this.#isNearly(word)))
        this.#tickets.push(unlinked(word));
      else if (/^[^=]+=[^=]+$/.test(word)) this.#selectors.push(word);
      else this.doubt(unknown(word, this.#allowed()));
    }
  }

  #isTicket(word: string): boolean {
    const plain = unlinked(word);
    if (this.#known.ticketPatterns.some((pattern) => wholeOf(pattern)?.test(plain))) return true;
    return TICKET.test(plain);
  }

  /** A name that was mistyped is no ticket. */
  #isNearly(word: string): boolean {
    return nearestFirst(folded(word), this.#allowed()).isNear;
  }

  #allowed(): readonly string[] {
    const { targets, scopes } = this.#can;
    return [...targets.map(({ id }) => id), ...scopes.map(({ name }) => name)];
  }

  /** Labels together narrow each other; names add to what they leave. */
  #select(): void {
    if (this.#selectors.length === 0) return;
    const labelled = this.#can.targets.map(({ id, labels }) => ({
      id,
      labels: Object.entries(labels).map(([key, value]) => `${key}=${value}`),
    }));
    const every = union(labelled.map(({ labels }) => labels));
    for (const selector of this.#selectors) {
      if (!every.some((label) => folded(label) === folded(selector))) this.doubt(unknown(selector, every));
    }
    const has = (labels: readonly string[], selector: string): boolean =>
      labels.some((label) => folded(label) === folded(selector));
    const meant = labelled.filter(({ labels }) => this.#selectors.every((selector) => has(labels, selector)));
    if (meant.length === 0) this.doubt({ kind: 'missing', part: 'targets', allowed: every });
    for (const { id } of meant) this.#targetIds.add(id);
  }

  result(): TypedAsk {
    const engagement = this.#engagement ?? this.#likely();
    const names = this.#known.engagements.map(({ name }) => name);
    if (!this.#engagement && !this.#wantsEngagement) {
      this.doubt({ kind: 'missing', part: 'engagement', allowed: names });
    }
    const can = engagement?.can ?? this.#can;
    const targets = can.targets.filter(({ id }) => this.#targetIds.has(id));
    if (targets.length === 0 && this.#selectors.length === 0)
      this.#missing(
        'targets',
        can.targets.map(({ id }) => id),
      );
    const shared = can.logins.filter((login) => targets.every(({ logins }) => logins.includes(login)));
    const scopes = can.scopes.map(({ name }) => name);
    return {
      engagementId: engagement?.id ?? null,
      targetIds: targets.map(({ id }) => id),
      login: this.#one('login', this.#logins, targets.length === 0 ? null : only(shared), shared),
      scope: this.#one('scope', this.#scopes, only(scopes), scopes),
      durationSeconds: this.#one('duration', this.#durations, null, []),
      reason: this.#one(
        'reason',
        this.#reasons.filter((each) => each.trim() !== ''),
        null,
        [],
      ),
      ticket: this.#optional('ticket', this.#tickets),
      doubts: this.#doubts,
    };
  }

  /** For the form only: the one engagement that has all the targets. */
  #likely(): Speakable['engagements'][number] | null {
    const ids = [...this.#targetIds];
    const having = this.#known.engagements.filter(({ can }) =>
      ids.every((id) => can.targets.some((each) => each.id === id)),
    );
    return ids.length === 0 ? null : only(having);
  }

  #missing(part: AskPart, allowed: readonly string[]): void {
    this.doubt({ kind: 'missing', part, allowed });
  }

  #optional<T>(part: AskPart, given: readonly T[]): T | null {
    if (given.length > 1) this.doubt({ kind: 'twice', part });
    return given[0] ?? null;
  }

  #one<T>(part: AskPart, given: readonly T[], usual: T | null, allowed: readonly string[]): T | null {
    const one = this.#optional(part, given) ?? usual;
    if (one === null) this.#missing(part, allowed);
    return one;
  }
}

const unknown = (word: string, allowed: readonly string[]): Doubt => ({
  kind: 'unknown',
  word,
  allowed: nearestFirst(folded(word), allowed).words,
});

const ambiguous = (word: string, parts: readonly AskPart[]): Doubt => ({ kind: 'ambiguous', word, parts });

const isKeyword = ({ text, quoted }: TypedToken, keyword: Keyword): boolean => !quoted && folded(text) === keyword;

/** An address as Slack puts it into messages. */
const unlinked = (word: string): string => /^<(https?:\/\/[^|>]+)(?:\|[^>]*)?>$/.exec(word)?.[1] ?? word;

const RUN_MAX = 12;

/** The first words together, as many as could be a name: one that is quoted, or some that are not. */
function runsOf(tokens: readonly TypedToken[]): readonly { readonly text: string; readonly length: number }[] {
  const [first] = tokens;
  if (!first) return [];
  if (first.quoted) return [{ text: first.text, length: 1 }];
  const quoted = tokens.findIndex((token) => token.quoted);
  const words = tokens.slice(0, quoted === -1 ? RUN_MAX : Math.min(quoted, RUN_MAX)).map(({ text }) => text);
  return words.map((_, index) => ({ text: words.slice(0, index + 1).join(' '), length: index + 1 }));
}
