import type { AuthorizedSession } from '../../../src/access/authorized-session.ts';
import type { SessionReport } from '../../../src/access/session-report.ts';
import type { Shown } from '../../../src/access/shown.ts';
import { DEFAULT_LIMITS } from '../../../src/gateway/limits.ts';
import type { Answer, Ask, FromWorker, ToWorker } from '../../../src/gateway/pipe/worker-messages.ts';
import { DEFAULT_KEX, DEFAULT_MACS } from '../../../src/gateway/ssh/algorithms.ts';
import {
  digest,
  engagementId,
  fingerprint,
  grantId,
  later,
  login,
  personId,
  scope,
  targetId,
  targetPin,
} from '../samples/samples.ts';
import { sessionId } from './world.ts';

/** One message of each type between control and a worker. A new type that has none here does not compile. */

export const ADDRESS = '192.0.2.7';
export const SSH_SESSION = '5'.repeat(64);

/** A session as control knows it. `grant(1)` of samples.ts allows it, and ends half an hour later than it does. */
export function authorizedSession(n: number, change: Partial<AuthorizedSession> = {}): AuthorizedSession {
  const { id, ...target } = targetPin('web-01');
  return {
    ...{ id: sessionId(n), grantId: grantId(9), grantDigest: digest(9), engagementId: engagementId(1) },
    ...{ personId: personId(1), keyFingerprint: fingerprint(1), targetId: id, targetName: 'Web', ...target },
    ...{ algorithms: 'default', login: login('deploy'), scope: scope('shell'), endsAt: later(1_800) },
    certificate: 'ssh-ed25519-cert-v01@openssh.com AAAA',
    ...change,
  };
}

/** The same session in the answer to the worker. */
export function sessionAnswer(n: number): Extract<Answer, { kind: 'session' }> {
  const session = authorizedSession(n);
  return { kind: 'session', session: { ...session, endsAt: session.endsAt.getTime() } };
}

export const REFUSED: Answer = { kind: 'refused', code: 'no_live_grant', message: 'none' };
export const JUMP: Answer = {
  ...{ kind: 'jump', personId: personId(1), endsAt: later(60).getTime(), targetIds: [targetId('web-01')] },
  noTargets: null,
};
export const REGISTERED: Answer = { kind: 'registered', lines: ['registered'] };

export const ASK: Ask = {
  ...{ signed: 'AAAA', signature: 'AAAA', remoteAddress: ADDRESS, route: { kind: 'direct' }, sessionKey: 'AAAA' },
};
export const SHOWN: Shown = { show: 'output', channel: 0, stream: 'stdout', bytes: 'aGk=' };
export const REPORT: SessionReport = {
  ...{ ending: { how: 'closed' }, channels: [], refusals: [], recording: null },
};

type Each<Message extends { readonly type: string }> = {
  readonly [Type in Message['type']]: Extract<Message, { type: Type }>;
};

export const FROM_WORKER: Each<FromWorker> = {
  ready: { type: 'ready' },
  heartbeat: { type: 'heartbeat', sessions: 1 },
  registry_taken: { type: 'registry_taken' },
  authorize: { type: 'authorize', id: 0, ...ASK },
  refused: { type: 'refused', remoteAddress: ADDRESS, reason: 'unknown_key', fingerprint: null },
  ask: { type: 'ask', id: 0, sshSessionId: SSH_SESSION, words: 'list' },
  jump_over: { type: 'jump_over', sshSessionId: SSH_SESSION },
  opened: { type: 'opened', session: sessionId(1), head: digest(1) },
  cut: { type: 'cut', session: sessionId(1) },
  carrying: { type: 'carrying', id: 0, sessions: [sessionId(1)] },
  watched: { type: 'watched', watch: 0, shown: [SHOWN] },
  watch_over: { type: 'watch_over', watch: 0 },
  closed: { type: 'closed', session: sessionId(1), ...REPORT },
};

export const TO_WORKER: Each<ToWorker> = {
  start: {
    ...{ type: 'start', site: 'acme', hostKey: 'PEM', userCa: 'ssh-ed25519 AAAA', spool: '.', minFreeMiB: 1 },
    algorithms: { kex: [...DEFAULT_KEX], macs: [...DEFAULT_MACS], ciphers: null },
    ...{ recipients: ['age1'], gateway: { hosts: ['ssh.example.com'], ports: [22] }, limits: DEFAULT_LIMITS },
  },
  authorized: { type: 'authorized', id: 0, answer: REFUSED },
  registry: { type: 'registry', entries: [{ kind: 'key', fingerprint: fingerprint(1), isRetired: false }] },
  served: { type: 'served', id: 0, stdout: 'out', stderr: 'err', exit: 3 },
  terminate: { type: 'terminate', sessions: [sessionId(1)], why: 'revoked', message: 'over' },
  watch: { type: 'watch', session: sessionId(1), watch: 0, told: null },
  unwatch: { type: 'unwatch', session: sessionId(1), watch: 0 },
  extend: {
    ...{ type: 'extend', session: sessionId(1), grantId: grantId(1), grantDigest: digest(1) },
    endsAt: later(3_600).getTime(),
  },
  carries: { type: 'carries', id: 0, personId: personId(1), engagementIds: [engagementId(1)] },
  heartbeat: { type: 'heartbeat', knownMsAgo: 0 },
  drain: { type: 'drain', ms: 1_000 },
  turn_away: { type: 'turn_away', connection: 4, message: 'full' },
};

/** With a field that the schema does not know. */
export const misshapen = (message: { readonly type: string }): object => ({ ...message, more: true });
