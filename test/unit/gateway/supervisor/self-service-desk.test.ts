import { describe, expect, it } from 'vitest';
import type { Fingerprint } from '../../../../src/access/ids.ts';
import { deferred } from '../../../../src/gateway/deferred.ts';
import {
  ASKS_OUTSTANDING_MAX,
  ASKS_PER_JUMP,
  ASKS_PER_PERSON_SECOND,
  ASKS_PER_SECOND,
  JUMPS_MAX,
} from '../../../../src/gateway/limits.ts';
import { Desk } from '../../../../src/gateway/supervisor/self-service-desk.ts';
import type { Caller, SelfServiceAnswer } from '../../../../src/use-cases/sessions/self-service.ts';
import { fingerprint, NOON, personId } from '../../../support/samples/samples.ts';

const FACTS = { site: 'acme', host: 'ssh.example.com', port: 22, hostKey: 'ssh-ed25519 AAAA' };
const LIST: SelfServiceAnswer = { kind: 'list', grants: [], pending: [], notes: [], at: NOON };
const KEY = fingerprint(1) as Fingerprint;

function desk(serve: (caller: Caller) => Promise<SelfServiceAnswer> = async () => LIST) {
  const served: Caller[] = [];
  const made = new Desk(
    {
      serve: (caller) => {
        served.push(caller);
        return serve(caller);
      },
    },
    () => FACTS,
  );
  return { made, served };
}
const jump = (n: number): string => n.toString(16).padStart(64, '0');
const admit = (to: Desk, n: number, person = n): void =>
  to.admit({ sshSessionId: jump(n), personId: personId(person), fingerprint: KEY });

/** All within one second of the clock that the limits go by. */
async function withinASecond<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    const before = Math.floor(performance.now() / 1_000);
    const result = await act();
    if (Math.floor(performance.now() / 1_000) === before) return result;
  }
}

describe('what a worker asks for people', () => {
  it('is answered for connections that control let in, while they last', async () => {
    const { made, served } = desk();
    expect((await made.ask(jump(1), 'list')).stderr).toMatch(/Connect again/);
    admit(made, 1);
    expect((await made.ask(jump(1), 'list')).exit).toBe(0);
    expect(served).toEqual([{ personId: personId(1), fingerprint: KEY }]);
    made.over(jump(1));
    expect((await made.ask(jump(1), 'list')).stderr).toMatch(/Connect again/);
    expect(served).toHaveLength(1);
  });

  it('is so much for one connection, for one person, and for all', async () => {
    const count = (jumps: number, person: (n: number) => number, each: number) =>
      withinASecond(async () => {
        const { made, served } = desk();
        for (let n = 1; n <= jumps; n += 1) {
          admit(made, n, person(n));
          for (let asked = 0; asked < each; asked += 1) await made.ask(jump(n), 'list');
        }
        return served.length;
      });
    expect(await count(1, () => 1, ASKS_PER_JUMP + 5)).toBe(ASKS_PER_JUMP);
    expect(await count(4, () => 1, ASKS_PER_JUMP)).toBe(ASKS_PER_PERSON_SECOND);
    expect(await count(10, (n) => n, ASKS_PER_JUMP)).toBe(ASKS_PER_SECOND);
  });

  it('waits for a slow store in a bounded number', async () => {
    const gate = deferred<SelfServiceAnswer>();
    const { made, served } = desk(() => gate.promise);
    const asked = Array.from({ length: ASKS_OUTSTANDING_MAX + 10 }, (_, n) => {
      admit(made, n + 1);
      return made.ask(jump(n + 1), 'list');
    });
    expect(served).toHaveLength(ASKS_OUTSTANDING_MAX);
    gate.resolve(LIST);
    expect((await Promise.all(asked)).filter(({ stderr }) => stderr.includes('busy'))).toHaveLength(10);
  });

  it('forgets the oldest of too many connections', async () => {
    const { made } = desk();
    for (let n = 1; n <= JUMPS_MAX + 1; n += 1) admit(made, n);
    expect((await made.ask(jump(1), 'list')).exit).toBe(1);
    expect((await made.ask(jump(2), 'list')).exit).toBe(0);
  });
});
