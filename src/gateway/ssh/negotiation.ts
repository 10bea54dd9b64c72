import { asciiOnly } from '../../access/printable.ts';
import { attempt, reader } from '../../sshwire/bytes.ts';
import { CIPHERS, KEX, MACS } from './algorithms.ts';

/** The algorithms of both sides, as RFC 4253 §7.1 has them agreed on, and what is said where there are none. */

type What = 'key exchange' | 'host key type' | 'cipher' | 'MAC' | 'compression';
/** Of the lists of a KEXINIT, in its order; those of a direction are the client's first. */
const LISTS: readonly What[] = [
  ...(['key exchange', 'host key type'] as const),
  ...(['cipher', 'cipher', 'MAC', 'MAC', 'compression', 'compression'] as const),
];
/** The first eight lists of a KEXINIT. */
export type Proposal = readonly (readonly string[])[];
export type Missing = { readonly what: What; readonly client: readonly string[]; readonly server: readonly string[] };

const COOKIE_BYTES = 16;
const LIST_MAX = 8_192;

/** Null where it is none: then the connection ends by itself. */
export function readProposal(kexinit: Uint8Array): Proposal | null {
  const read = attempt(() => {
    const from = reader(kexinit.subarray(1 + COOKIE_BYTES));
    return LISTS.map((what) => Buffer.from(from.string(what, LIST_MAX)).toString('latin1').split(','));
  });
  return read.ok ? read.value : null;
}

/** Names that negotiate nothing: RFC 8308 §2.1, OpenSSH PROTOCOL. */
const MARKERS = /^(?:ext-info-[cs]|kex-strict-[cs]-v00@openssh\.com|)$/;
/** These bring their own integrity. */
const WITHOUT_MAC = /^(?:aes\d+-gcm|chacha20-poly1305)@openssh\.com$/;

/** In what a client and a server have nothing in common; empty where they agree. */
export function missing(client: Proposal, server: Proposal): Missing[] {
  const chosen = LISTS.map((_, n) => client[n]?.find((name) => !MARKERS.test(name) && server[n]?.includes(name)));
  const names = (list: readonly string[] = []): string[] => list.filter((name) => !MARKERS.test(name));
  const found = new Map<What, Missing>();
  for (const [n, what] of LISTS.entries()) {
    const cipher = chosen[n - 2];
    const needsNone = what === 'MAC' && (cipher === undefined || WITHOUT_MAC.test(cipher));
    if (chosen[n] === undefined && !needsNone && !found.has(what))
      found.set(what, { what, client: names(client[n]), server: names(server[n]) });
  }
  return [...found.values()];
}

const NAMES_MAX = 160;

/** What a peer calls itself may be anything. */
function some(names: readonly string[]): string {
  const text = asciiOnly(names.join(', '));
  if (text === '') return 'nothing';
  return text.length <= NAMES_MAX ? text : `${text.slice(0, NAMES_MAX - 3)}...`;
}

/** `us` is the side of the gateway. */
const sentence = ({ what, client, server }: Missing, us: 'client' | 'server'): string =>
  us === 'server'
    ? `no ${what} in common: the client offers ${some(client)}; the gateway accepts ${some(server)}`
    : `no ${what} in common: the target offers ${some(server)}; the gateway accepts ${some(client)}`;

const SETTINGS: Partial<Record<What, { readonly name: string; readonly known: readonly string[] }>> = {
  'key exchange': { name: 'gateway.kex', known: KEX },
  cipher: { name: 'gateway.ciphers', known: CIPHERS },
  MAC: { name: 'gateway.macs', known: MACS },
};

/** Why a contractor's client cannot be talked to, and which settings would change that. */
export function clientWords(found: readonly Missing[]): string {
  const advice = found.map(({ what, client }) => {
    const setting = SETTINGS[what];
    const could = client.filter((name) => setting?.known.includes(name));
    return setting && could.length > 0 ? `${setting.name} can add ${some(could)}` : null;
  });
  const isHopeless = advice.some((each) => each === null);
  const then = isHopeless ? 'A newer client is needed' : `Its operators can allow yours: ${advice.join('; ')}`;
  return `${found.map((each) => sentence(each, 'server')).join('; ')}. ${then}.`;
}

/** Why a client whose KEXINIT this is has to go; null where it shares all that is needed with ours. */
export function partingWords(kexinit: Uint8Array, ours: Proposal): string | null {
  const theirs = readProposal(kexinit);
  const found = theirs ? missing(theirs, ours) : [];
  return found.length === 0 ? null : clientWords(found);
}

/** The same of a target; `legacyHelps` where its setting in targets.yml would do. */
export const targetWords = (found: readonly Missing[], legacyHelps: boolean): string => {
  const then = legacyHelps ? 'add "algorithms: legacy" to it in targets.yml' : 'its sshd must offer more';
  return `${found.map((each) => sentence(each, 'client')).join('; ')}; ${then}`;
};
