import type { SessionEnding } from '../../access/session.ts';
import { UPSTREAM_CONNECT_MS } from '../limits.ts';

type FailureWhy = Extract<SessionEnding, { how: 'failed' }>['why'];

/** Why the gateway could not log in to a target: a sentence for the person who tried, and for its operators what was found. */
export class UpstreamError extends Error {
  readonly why: FailureWhy;
  readonly found: string;
  constructor(why: FailureWhy, message: string, found = '') {
    super(message);
    this.name = 'UpstreamError';
    this.why = why;
    this.found = found;
  }
}

/** How far the connection to a target has come. */
export type Phase = 'connecting' | 'silent' | 'exchanging keys' | 'logging in';

const CONNECT_SECONDS = UPSTREAM_CONNECT_MS / 1_000;

/** By the names of libuv. */
export const SOCKET_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing is listening there (connection refused)',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ENOTFOUND: 'its name is unknown (DNS)',
  EAI_AGAIN: 'its name could not be looked up (DNS)',
  ETIMEDOUT: `it did not answer within ${CONNECT_SECONDS} seconds`,
};

/** What is said of a target of this name. */
export function failuresOf(name: string, loginMs: number) {
  const check = `Ask its owner to run: daypass targets check ${name}`;
  const unreachable = (found: string): UpstreamError =>
    new UpstreamError(
      'target_unreachable',
      `${name} cannot be reached from the gateway: ${found}. Try again in a minute. If that fails too, tell its owner.`,
      found,
    );
  const slow = (): UpstreamError => {
    const found = `the login took longer than ${loginMs / 1_000} seconds`;
    return new UpstreamError('target_slow', `${name} was reached, but ${found}. ${check}`, found);
  };
  return {
    unreachable,
    /** The target ended it, or the network did. */
    closed(phase: Phase, code: string | undefined): UpstreamError {
      const known = code === undefined ? undefined : SOCKET_ERRORS[code];
      if (known) return unreachable(known);
      return unreachable(
        phase === 'connecting'
          ? 'it does not answer as an SSH server'
          : `it closed the connection while ${WHILE[phase]}`,
      );
    },
    late(phase: Phase): UpstreamError {
      switch (phase) {
        case 'connecting':
          return unreachable(`it did not answer within ${CONNECT_SECONDS} seconds`);
        case 'silent':
          return unreachable(`it accepted the connection but sent no SSH banner within ${CONNECT_SECONDS} seconds`);
        case 'exchanging keys':
          return unreachable(`it did not exchange keys within ${CONNECT_SECONDS} seconds`);
        case 'logging in':
          return slow();
      }
    },
    mismatch: new UpstreamError(
      'host_key_mismatch',
      `${name} shows a different host key than the one pinned, so nothing was sent to it. Tell security; Daypass has told them too.`,
    ),
    refused: new UpstreamError('target_refused', `${name} refused the gateway's certificate. ${check}`),
    nothingInCommon: (found: string) =>
      new UpstreamError('no_common_algorithm', `${name} and the gateway have ${found}. Tell its owner.`, found),
    lost: new UpstreamError('target_unreachable', `The connection to ${name} was lost. Connect again.`),
    protocol: (why: string) =>
      new UpstreamError(
        'protocol',
        `${name} broke the SSH protocol (${why}), so the session was ended. Tell its owner.`,
      ),
  };
}

const WHILE: Readonly<Record<Exclude<Phase, 'connecting'>, string>> = {
  silent: 'the gateway waited for its SSH banner',
  'exchanging keys': 'exchanging keys',
  'logging in': 'the gateway was logging in',
};
