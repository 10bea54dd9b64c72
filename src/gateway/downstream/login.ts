import type { AuthContext, PublicKeyAuthContext } from 'ssh2';
import { VERIFY_REQUIRED } from '../../access/certificate.ts';
import type { Digest, Fingerprint } from '../../access/ids.ts';
import { JUMP_USER, REGISTER_PREFIX } from '../../access/route.ts';
import { isApprovalName } from '../../access/signing-key.ts';
import { attempt, reader, sameBytes } from '../../sshwire/bytes.ts';
import { type Certificate, isCertificateType, parseCertificate } from '../../sshwire/certificate.ts';
import { checkCertificate } from '../../sshwire/certificate-check.ts';
import { fingerprint } from '../../sshwire/public-key.ts';
import { SIGNATURE_ALGORITHMS, verifyUserauth } from '../../sshwire/userauth.ts';
import type { UserauthProof } from '../../use-cases/ports/authority.ts';
import { FAILED_SIGNATURES_MAX, REFUSED_LINGER_MS, UNSIGNED_OFFERS_MAX } from '../limits.ts';
import { isFinal, type LoginCode, LoginReasons } from '../pipe/login-reasons.ts';
import { type Registry, registrationDigest } from '../pipe/registry.ts';
import type { Answer, OwnRefusal } from '../pipe/worker-messages.ts';
import { banner, DISCONNECT_REASON, MESSAGE } from '../ssh/messages.ts';
import type { Transport } from '../ssh/transport.ts';
import {
  kindNotTaken,
  LOGIN_ENDS,
  missing,
  printable,
  type TerminalRejection,
  wordForTerminal,
} from '../words/refusals.ts';
import { offeredFingerprint, plainRefusal } from './offered-key.ts';

/** What a login name means here (RFC 4252 §5). */
export type Purpose = 'direct' | 'jump' | 'inner' | 'register' | 'approve';

export type LoginDeps = {
  /** Public key blob. */
  readonly userCa: Uint8Array;
  readonly transport: Transport;
  /** Of the outermost connection. */
  readonly remoteAddress: string;
  readonly isInner: boolean;
  /** Where people reach the gateway, as ssh is told. */
  readonly at: string;
  readonly registry: Pick<Registry, 'key' | 'code'>;
  /** Asks control. */
  decide(proof: UserauthProof, purpose: Purpose): Promise<Answer>;
  /** A refusal that control was not asked for; the key where its signature was verified. */
  refused(reason: OwnRefusal, fingerprint: Fingerprint | null): void;
  /** The client may be asking somebody for a passphrase or a touch now: it was told that this key, or this code, will do. */
  offered(waiting: Fingerprint | Digest): void;
  /** Control said yes; resolves with a sentence where it cannot be done all the same. */
  enter(answer: Exclude<Answer, { kind: 'refused' }>, proof: UserauthProof): Promise<string | null>;
};

/** What is refused here without asking control. */
type OwnRejection = Extract<TerminalRejection, { code: OwnRefusal }>;

/** Keyboard-interactive succeeds never: a client comes to it when its keys are at an end, and can be told why. */
const METHODS = ['publickey', 'keyboard-interactive'] as never;
const NOT_DECIDED =
  'The gateway could not decide this login. Try again in a minute. If it happens again, tell your Daypass operator.';

/**
 * The login of one connection. An offer without signature proves nothing and is answered only; who somebody is follows from the
 * key whose signature was verified, here to refuse cheaply and in control to decide.
 */
export class Login {
  readonly #deps: LoginDeps;
  #request: Buffer | null = null;
  #offers = 0;
  #failures = 0;
  #isBusy = false;
  #isIn = false;
  readonly #reasons = new LoginReasons();
  /** Why a certificate was passed over, where a plain key may still do. */
  #doubt: OwnRefusal | null = null;
  /** Kinds of keys that were offered and are not taken; null once one came that is. */
  #strange: Set<string> | null = new Set();
  #isOver = false;
  /** What the client has read last. */
  #said: string | null = null;
  readonly #reported = new Set<OwnRefusal>();

  constructor(deps: LoginDeps) {
    this.#deps = deps;
  }

  /** Control and the session said yes: messages of the connection protocol may come. */
  get isIn(): boolean {
    return this.#isIn;
  }

  /** Sees each login request as it came: ssh2 takes signatures apart. */
  saw(payload: Buffer): void {
    if (payload[0] === MESSAGE.USERAUTH_REQUEST) this.#request = Buffer.from(payload);
  }

  async attempt(context: AuthContext): Promise<void> {
    // No client asks again before it has an answer.
    if (this.#isBusy || this.#isIn || this.#isOver) return this.#deps.transport.destroy();
    const purpose = purposeOf(context.username, this.#deps.isInner);
    if (!purpose) {
      this.#report('bad_login_name');
      return this.#end(this.#word({ code: 'bad_login_name', given: context.username }));
    }
    const dead = purpose === 'register' ? this.#codeRefusal(codeIn(context.username)) : null;
    if (dead) {
      this.#report(dead.code);
      return this.#end(this.#word(dead));
    }
    if (context.method === 'publickey') this.#kindOf(context);
    switch (context.method) {
      case 'none':
        return context.reject(METHODS);
      case 'publickey':
        if (context.signature) return this.#signed(context, purpose);
        return this.#offered(context, purpose);
      case 'keyboard-interactive':
        return this.#atAnEnd(purpose);
      default:
        return this.#failed(context);
    }
  }

  /** The client has no more keys. */
  #atAnEnd(purpose: Purpose): void {
    const [strange] = this.#strange ?? [];
    const none = purpose === 'register' ? 'no_key' : 'no_certificate';
    // What control refused it has noted itself.
    if (this.#reported.size === 0 && this.#failures === 0)
      this.#report(this.#doubt ?? (strange === undefined ? none : 'key_kind_not_taken'));
    const nothing = strange === undefined ? missing(purpose, this.#deps.at) : kindNotTaken(strange);
    this.#end(this.#reasons.best ?? nothing);
  }

  /** ssh2 says ssh-rsa of all RSA keys. */
  #kindOf({ key }: PublicKeyAuthContext): void {
    const isTaken = SIGNATURE_ALGORITHMS.includes(key.algo) || key.algo === 'ssh-rsa' || isCertificateType(key.algo);
    if (isTaken) this.#strange = null;
    else this.#strange?.add(key.algo);
  }

  /** Only what could succeed is answered with yes, so that clients do not spend their attempts on it. */
  #offered(context: PublicKeyAuthContext, purpose: Purpose): void {
    this.#offers += 1;
    if (this.#offers > UNSIGNED_OFFERS_MAX) {
      this.#report('too_many_offers');
      return void this.#end(LOGIN_ENDS.tooManyKeys(UNSIGNED_OFFERS_MAX));
    }
    const isPlain = !isCertificateType(context.key.algo);
    if (isPlain && takesRegisteredKeys(purpose)) return void this.#plainOffered(context);
    // A certificate runs out, and what is signed here is kept.
    if (purpose === 'approve') return void context.reject(METHODS);
    const refusal = purpose === 'register' ? plainRefusal(context) : this.#certificateRefusal(context);
    if (refusal === null) {
      // Any key can be registered, and anybody makes keys: it is the code that may have a place to wait.
      const waiting =
        purpose === 'register' ? registrationDigest(codeIn(context.username)) : offeredFingerprint(context);
      if (waiting) this.#deps.offered(waiting);
      return void context.accept();
    }
    if (refusal !== 'silent' && purpose === 'jump') {
      // The plain key may come next, and suffices here.
      this.#reasons.add(refusal.code, this.#word(refusal));
      this.#doubt ??= refusal.code;
    } else if (refusal !== 'silent') {
      this.#report(refusal.code);
      this.#reason(refusal.code, this.#word(refusal));
    }
    context.reject(METHODS);
  }

  /** Of a plain key, where that suffices. Its certificate may come next. */
  #plainOffered(context: PublicKeyAuthContext): void {
    const key = plainRefusal(context) === null ? offeredFingerprint(context) : null;
    const refusal = key && this.#keyRefusal(key);
    if (key && !refusal) {
      this.#deps.offered(key);
      return void context.accept();
    }
    // An agent holds keys for other places too: only what was a key of this one is worth a word.
    if (refusal?.code === 'key_retired') {
      this.#reason(refusal.code, this.#word(refusal));
      this.#doubt ??= refusal.code;
    }
    context.reject(METHODS);
  }

  #keyRefusal(key: Fingerprint): Extract<OwnRejection, { fingerprint: string }> | null {
    const state = this.#deps.registry.key(key);
    if (state === 'in_use') return null;
    return { code: state === 'retired' ? 'key_retired' : 'unknown_key', fingerprint: key };
  }

  /** Said before anybody is asked for a passphrase. */
  #codeRefusal(code: string): OwnRejection | null {
    const state = this.#deps.registry.code(code, new Date());
    if (state === 'live') return null;
    return { code: state === 'over' ? 'code_expired' : 'code_unknown' };
  }

  #certificateRefusal({ key }: PublicKeyAuthContext): OwnRejection | 'silent' | null {
    if (!isCertificateType(key.algo)) return 'silent';
    const certificate = parseCertificate(key.data);
    return certificate.ok ? this.#check(certificate.value) : 'silent';
  }

  #check(certificate: Certificate): OwnRejection | 'silent' | null {
    const { userCa, remoteAddress } = this.#deps;
    const verdict = checkCertificate(certificate, {
      caKeys: [userCa],
      now: new Date(),
      sourceAddress: remoteAddress,
      // Control reads in the signature whether the user was verified.
      honours: [VERIFY_REQUIRED],
    });
    if (verdict.ok) return null;
    switch (verdict.refusal.code) {
      case 'expired':
        return { code: 'certificate_expired', at: new Date(Number(certificate.validBefore) * 1000) };
      case 'unknown_ca':
      case 'nested_ca':
        return 'silent';
      default:
        return { code: 'certificate_refused', why: verdict.refusal.why };
    }
  }

  async #signed(context: PublicKeyAuthContext, purpose: Purpose): Promise<void> {
    const proof = this.#proof(context);
    if (!proof) return this.#failed(context);
    const login = verifyUserauth(proof.signed, proof.signature);
    if (!login.ok) {
      this.#report('proof_invalid');
      const { why } = login.refusal;
      return this.#failed(context, 'proof_invalid', this.#word({ code: 'proof_invalid', why }));
    }
    const { certificate } = login.value;
    const isPlain = certificate === null;
    if (purpose !== 'jump' && isPlain !== takesOnlyPlainKeys(purpose)) return this.#failed(context);
    const key = fingerprint(login.value.key) as Fingerprint;
    const plain = takesRegisteredKeys(purpose) && isPlain ? this.#keyRefusal(key) : null;
    const refusal = certificate ? this.#check(certificate) : plain;
    if (refusal) {
      const code = refusal === 'silent' ? 'certificate_refused' : refusal.code;
      this.#report(code, key);
      if (refusal === 'silent') return this.#failed(context);
      return this.#failed(context, code, this.#word(refusal));
    }
    this.#isBusy = true;
    const answer = await this.#deps.decide(proof, purpose);
    if (answer.kind === 'refused') {
      this.#isBusy = false;
      const sentence = printable(answer.message);
      // Another key or certificate of the same person may do.
      return isFinal(answer.code) ? this.#end(sentence) : this.#failed(context, answer.code, sentence);
    }
    const obstacle = await this.#deps.enter(answer, proof);
    if (obstacle !== null) return this.#end(obstacle);
    this.#isIn = true;
    context.accept();
  }

  /** The signed data, and the signature as it came: what follows the signed part of the request is one string. */
  #proof(context: PublicKeyAuthContext): UserauthProof | null {
    const { blob } = context;
    const request = this.#request;
    if (!blob || !request) return null;
    const sessionIdBytes = 4 + blob.readUInt32BE(0);
    const end = blob.length - sessionIdBytes;
    if (!sameBytes(request.subarray(0, end), blob.subarray(sessionIdBytes))) return null;
    const signature = attempt(() => {
      const from = reader(request.subarray(end));
      const bytes = from.string('signature');
      from.end('login request');
      return bytes;
    });
    return signature.ok ? { signed: blob, signature: signature.value } : null;
  }

  #failed(context: AuthContext, code: LoginCode | null = null, sentence = ''): void {
    this.#failures += 1;
    if (code !== null) this.#reason(code, sentence);
    if (this.#failures < FAILED_SIGNATURES_MAX) return void context.reject(METHODS);
    this.#report('too_many_failures');
    this.#end(this.#reasons.best ?? LOGIN_ENDS.tooManyFailures);
  }

  #reason(code: LoginCode, sentence: string): void {
    if (this.#reasons.add(code, sentence)) this.#say(sentence);
  }

  /**
   * Nothing else that the client could try would help. It is told so twice: there are clients that show no banner, and others that
   * show no DISCONNECT. A refused method would not do: without others OpenSSH tries those that it has, and asks for a password.
   */
  #end(sentence: string): void {
    this.#isOver = true;
    this.#say(sentence);
    this.#deps.transport.leave(`daypass: ${sentence}`, DISCONNECT_REASON.NO_MORE_AUTH_METHODS);
    setTimeout(() => this.#deps.transport.destroy(), REFUSED_LINGER_MS);
  }

  /** Once for each connection and reason. */
  #report(reason: OwnRefusal, key: Fingerprint | null = null): void {
    if (this.#reported.has(reason)) return;
    this.#reported.add(reason);
    this.#deps.refused(reason, key);
  }

  #word(rejection: TerminalRejection): string {
    return wordForTerminal(rejection, this.#deps.at);
  }

  #say(sentence: string): void {
    if (this.#said === sentence) return;
    this.#said = sentence;
    this.#deps.transport.send(banner(`daypass: ${sentence}\r\n`));
  }

  /** A fault of ours: the client is told that it is, and nothing more. */
  fault(): void {
    if (!this.#isIn && !this.#isOver) this.#end(NOT_DECIDED);
  }
}

/** A registered key suffices, without a certificate. */
const takesRegisteredKeys = (purpose: Purpose): boolean => purpose === 'jump' || purpose === 'approve';
const takesOnlyPlainKeys = (purpose: Purpose): boolean => purpose === 'register' || purpose === 'approve';

const codeIn = (name: string): string => name.slice(REGISTER_PREFIX.length);

function purposeOf(name: string, isInner: boolean): Purpose | null {
  if (isInner) return 'inner';
  if (name === JUMP_USER) return 'jump';
  if (isApprovalName(name)) return 'approve';
  if (name.startsWith(REGISTER_PREFIX)) return 'register';
  return name.includes('+') ? 'direct' : null;
}
