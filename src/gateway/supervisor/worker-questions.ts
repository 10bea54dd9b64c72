import type { Log } from '../../log.ts';
import type { UserauthProof } from '../../use-cases/ports/authority.ts';
import type { Authorization, ConnectionRejection, GatewayControl } from '../../use-cases/sessions/gateway-control.ts';
import { AUTHORIZE_OUTSTANDING_MAX } from '../limits.ts';
import type { LoginCode } from '../pipe/login-reasons.ts';
import type { Answer, FromWorker, Served, ToWorker } from '../pipe/worker-messages.ts';
import { approvalLines } from '../words/approval-words.ts';
import { type ConfigFacts, registeredLines } from '../words/client-config.ts';
import { gatewayAddress, printable, wordForTerminal } from '../words/refusals.ts';
import { failure } from '../words/self-service-words.ts';
import type { CarriedSessions } from './carried-sessions.ts';
import type { HandedAddresses } from './handed-addresses.ts';
import { Desk } from './self-service-desk.ts';

export type Questioned = {
  readonly control: Pick<GatewayControl, 'authorize' | 'serve' | 'sign'>;
  /** How people reach the gateway, once it listens. */
  readonly facts: () => ConfigFacts;
  /** Control let somebody in who came from there. */
  readonly favour: (remoteAddress: string) => void;
  readonly log: Log;
};

type Asker = Questioned & {
  readonly worker: { readonly pid: number | undefined };
  readonly send: (message: ToWorker) => void;
  readonly addresses: Pick<HandedAddresses, 'has'>;
  readonly sessions: Pick<CarriedSessions, 'begin'>;
};

type Heard<Type extends FromWorker['type']> = Extract<FromWorker, { type: Type }>;
export type Question = Heard<'authorize' | 'ask' | 'jump_over'>;

const BUSY = 'Daypass is busy. Connect again in a minute.';
export const FAULT =
  'Daypass could not decide this login. Connect again in a minute. If it happens again, tell your Daypass operator.';

/** What one worker asks of control: who may log in, and what people want to know of the gateway itself. */
export class WorkerQuestions {
  readonly #asker: Asker;
  readonly #desk: Desk;
  #outstanding = 0;

  constructor(asker: Asker) {
    this.#asker = asker;
    this.#desk = new Desk(asker.control, asker.facts);
  }

  hear(question: Question): void {
    switch (question.type) {
      case 'authorize':
        this.#authorize(question);
        break;
      case 'ask':
        this.#ask(question);
        break;
      case 'jump_over':
        this.#desk.over(question.sshSessionId);
        break;
      default:
        question satisfies never;
    }
  }

  #ask({ id, sshSessionId, words }: Heard<'ask'>): void {
    const answer = (served: Served): void => this.#asker.send({ type: 'served', id, ...served });
    this.#desk.ask(sshSessionId, words).then(answer, (err: unknown) => {
      this.#asker.log.error({ err }, 'a self-service command could not be answered');
      answer(failure('Daypass could not answer. Try again in a minute.', 1));
    });
  }

  #authorize({ id, route, remoteAddress, signed, signature, sessionKey }: Heard<'authorize'>): void {
    const { control, log } = this.#asker;
    const refused = (code: LoginCode, message: string): void => this.#answer(id, { kind: 'refused', code, message });
    if (this.#outstanding >= AUTHORIZE_OUTSTANDING_MAX) return void refused('busy', BUSY);
    if (!this.#knows(remoteAddress)) return void refused('fault', FAULT);
    this.#outstanding += 1;
    const proof = { signed: Buffer.from(signed, 'base64'), signature: Buffer.from(signature, 'base64') };
    control
      .authorize({
        ...{ proof, route, remoteAddress },
        sessionKey: sessionKey === null ? null : Buffer.from(sessionKey, 'base64'),
      })
      .then((decided) => {
        if (decided.ok) {
          this.#asker.favour(remoteAddress);
          return this.#answer(id, this.#granted(decided.value, proof));
        }
        const { code } = decided.rejection;
        log.info({ code, client: remoteAddress, route: route.kind }, 'connection refused');
        refused(code, this.#word(decided.rejection));
      })
      .catch((error: unknown) => {
        log.error({ err: error }, 'a login could not be decided');
        refused('fault', FAULT);
      })
      .finally(() => {
        this.#outstanding -= 1;
      });
  }

  #granted(value: Authorization, proof: UserauthProof): Answer {
    switch (value.kind) {
      case 'session': {
        const { session } = value;
        const begun = this.#asker.sessions.begin(session);
        if (begun !== 'begun') {
          const message = printable(begun === 'worker_gone' ? FAULT : begun.message);
          return { kind: 'refused', code: 'ended', message };
        }
        return { kind: 'session', session: { ...session, endsAt: session.endsAt.getTime() } };
      }
      case 'jump': {
        const { caller, endsAt, targetIds } = value;
        const { personId } = caller;
        this.#desk.admit(caller);
        const noTargets = value.noTargets && this.#word(value.noTargets);
        return { kind: 'jump', personId, endsAt: endsAt.getTime(), targetIds: [...targetIds], noTargets };
      }
      case 'approval':
        this.#desk.admitApproval(value.sshSessionId, proof);
        return { kind: 'approval', lines: approvalLines(value.approval) };
      case 'registered':
        return { kind: 'registered', lines: [...registeredLines(value.fingerprint, this.#asker.facts())] };
    }
  }

  #knows(client: string): boolean {
    const { addresses, log, worker } = this.#asker;
    if (addresses.has(client)) return true;
    log.error({ worker: worker.pid, client }, 'worker named an address that it was not given');
    return false;
  }

  #word(rejection: ConnectionRejection): string {
    const { host, port } = this.#asker.facts();
    return wordForTerminal(rejection, gatewayAddress(host, port));
  }

  #answer(id: number, answer: Answer): void {
    this.#asker.send({ type: 'authorized', id, answer });
  }
}
