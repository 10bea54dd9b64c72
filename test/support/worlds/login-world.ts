import { Login, type LoginDeps, type Purpose } from '../../../src/gateway/downstream/login.ts';
import { Registry, registrationDigest } from '../../../src/gateway/pipe/registry.ts';
import type { Answer } from '../../../src/gateway/pipe/worker-messages.ts';
import { DISCONNECT_REASON } from '../../../src/gateway/ssh/messages.ts';
import { type TerminalRejection, wordForTerminal } from '../../../src/gateway/words/refusals.ts';
import { encode, string } from '../../../src/sshwire/bytes.ts';
import type { CertificateBody } from '../../../src/sshwire/certificate.ts';
import { fingerprint } from '../../../src/sshwire/public-key.ts';
import type { UserauthProof } from '../../../src/use-cases/ports/authority.ts';
import {
  certificateAlgorithm,
  makeCertificate,
  plainAlgorithm,
  type Userauth,
  userauth,
} from '../peers/certificates.ts';
import { asking, type Heard, type LoginPeer, type LoginServer, loginPair } from '../peers/login-peer.ts';
import { makeKey, type TestKey } from '../peers/ssh-keys.ts';

/** The CA that is believed, and one that is not. */
export const CA = makeKey('ssh-ed25519');
export const OTHER_CA = makeKey('ssh-ed25519');
export const AT = 'gateway.example';
export const ADDRESS = '192.0.2.7';
/** What says what a connection is for. */
export const USERS: Readonly<Record<Purpose, string>> = {
  direct: 'deploy+web-01',
  jump: 'daypass',
  inner: 'deploy',
  register: 'register-abcd-efgh',
  approve: `approve-0123abcd-${'9f'.repeat(16)}`,
};
export const CODE = USERS.register.slice('register-'.length);

/** A key as it is presented: under the name of an algorithm, by itself or in a certificate. */
export type Presented = { readonly key: TestKey; readonly algorithm: string; readonly blob: Uint8Array };

export const plain = (key: TestKey = makeKey('ssh-ed25519')): Presented => ({
  ...{ key, algorithm: plainAlgorithm(key), blob: key.blob },
});
export const certified = (change: Partial<CertificateBody> = {}, ca = CA, key = makeKey('ssh-ed25519')): Presented => ({
  ...{ key, algorithm: certificateAlgorithm(key) },
  blob: makeCertificate(ca, key.publicKey, new Date(), change).blob,
});
export const EXPIRED_AT = new Date('2020-01-01T00:00:00Z');
export const expired = (): Presented =>
  certified({ validAfter: 1n, validBefore: BigInt(EXPIRED_AT.getTime() / 1_000) });

export const print = ({ key }: Presented): string => fingerprint(key.publicKey);
export const words = (rejection: TerminalRejection): string => wordForTerminal(rejection, AT);

/** Told twice, in a banner and as it goes. */
export const sentAway = (sentence: string): Heard => ({
  ...{ answer: 'gone', banners: [`daypass: ${sentence}\r\n`] },
  bye: `${DISCONNECT_REASON.NO_MORE_AUTH_METHODS} daypass: ${sentence}`,
});
export const failed = (...sentences: readonly string[]): Heard => ({
  ...{ answer: 'FAILURE', bye: null },
  banners: sentences.map((each) => `daypass: ${each}\r\n`),
});
export const ACCEPTED: Heard = { answer: 'PK_OK', banners: [], bye: null };
export const LET_IN: Heard = { answer: 'SUCCESS', banners: [], bye: null };
/** Without a word of ours. */
export const CUT: Partial<Heard> = { answer: 'gone', banners: [] };

/** A login of a real client of ssh2, over a connection in memory, with an authority that says what a test wants. */
export class LoginWorld implements Disposable {
  readonly login: Login;
  readonly registry = new Registry();
  /** What the login told its connection, a line each. */
  readonly told: string[] = [];
  readonly proofs: UserauthProof[] = [];
  readonly attempts: Promise<void>[] = [];
  decide: LoginDeps['decide'] = async () => ({ kind: 'registered', lines: [] });
  enter: LoginDeps['enter'] = async () => null;
  readonly peer: LoginPeer;
  readonly server: LoginServer;
  readonly user: string;

  private constructor(peer: LoginPeer, server: LoginServer, purpose: Purpose) {
    this.peer = peer;
    this.server = server;
    this.user = USERS[purpose];
    this.login = new Login({
      ...{ userCa: CA.blob, transport: server.transport, remoteAddress: ADDRESS, at: AT, registry: this.registry },
      isInner: purpose === 'inner',
      decide: (proof, asked) => {
        this.told.push(`asked ${asked}`);
        this.proofs.push(proof);
        return this.decide(proof, asked);
      },
      refused: (reason, key) => void this.told.push(`refused ${reason}${key === null ? '' : ` ${key}`}`),
      offered: (waiting) => void this.told.push(`offered ${waiting}`),
      enter: (answer, proof) => {
        this.told.push(`entered ${answer.kind}`);
        return this.enter(answer, proof);
      },
    });
    server.onMessage = (payload) => this.login.saw(payload);
    server.onRequest = (context) => {
      // As its connection does.
      this.attempts.push(this.login.attempt(context).catch(() => this.login.fault()));
    };
  }

  static async open(purpose: Purpose): Promise<LoginWorld> {
    const { peer, server } = await loginPair();
    const world = new LoginWorld(peer, server, purpose);
    if (purpose === 'register') world.knowCode();
    return world;
  }

  knowKey(fingerprint: string, isRetired = false): void {
    this.registry.know({ kind: 'key', fingerprint: fingerprint as never, isRetired });
  }

  knowCode(until = Date.now() + 60_000): void {
    this.registry.know({ kind: 'code', digest: registrationDigest(CODE), until });
  }

  offer({ algorithm, blob }: Presented, user = this.user): Promise<Heard> {
    return this.peer.ask(asking.offer(user, algorithm, blob));
  }

  /** RFC 4252 §7, as this client would sign it, or otherwise. */
  signed({ key, algorithm, blob }: Presented, change: Partial<Userauth> = {}, signer = key): Uint8Array {
    const { sessionId } = this.peer;
    const sent = userauth({ sessionId, user: this.user, algorithm, blob });
    const signature = signer.sign(userauth({ sessionId, user: this.user, algorithm, blob, ...change }));
    return encode(sent.subarray(4 + sessionId.length), string(signature));
  }

  sign(presented: Presented, change: Partial<Userauth> = {}, signer = presented.key): Promise<Heard> {
    return this.peer.ask(this.signed(presented, change, signer));
  }

  /** What was told since it was asked last. */
  outcome(): string[] {
    return this.told.splice(0);
  }

  /** Control's next answers, one after the other. */
  answers(...answers: readonly Answer[]): void {
    const left = [...answers];
    this.decide = async () => {
      const answer = left.shift();
      if (!answer) throw new Error('control has no more answers');
      return answer;
    };
  }

  [Symbol.dispose](): void {
    this.peer.destroy();
    this.server.transport.destroy();
  }
}
