import { describe, expect, it, vi } from 'vitest';
import type { Fingerprint } from '../../../../src/access/ids.ts';
import { deferred } from '../../../../src/gateway/deferred.ts';
import {
  ASKS_OUTSTANDING_MAX,
  ASKS_PER_JUMP,
  ASKS_PER_PERSON_SECOND,
  ASKS_PER_SECOND,
  CONFIRM_MS,
  JUMPS_MAX,
} from '../../../../src/gateway/limits.ts';
import { Desk } from '../../../../src/gateway/supervisor/self-service-desk.ts';
import type { GatewayControl } from '../../../../src/use-cases/sessions/gateway-control.ts';
import type { Caller, SelfServiceAnswer } from '../../../../src/use-cases/sessions/self-service.ts';
import { fingerprint, NOON, pending, personId } from '../../../support/samples/samples.ts';

const FACTS = { site: 'acme', host: 'ssh.example.com', port: 22, hostKey: 'ssh-ed25519 AAAA' };
const LIST: SelfServiceAnswer = { kind: 'list', grants: [], pending: [], notes: [], at: NOON };
const KEY = fingerprint(1) as Fingerprint;

function desk(
  serve: (caller: Caller) => Promise<SelfServiceAnswer> = async () => LIST,
  sign: GatewayControl['sign'] = async () => ({ ok: false, rejection: { code: 'no_pledge' } }),
) {
  const served: Caller[] = [];
  const made = new Desk(
    {
      serve: (caller) => {
        served.push(caller);
        return serve(caller);
      },
      sign,
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

  it('is yes, once, on the connection of an approval, and nothing else', async () => {
    const proofs: unknown[] = [];
    const { made, served } = desk(undefined, async (given) => {
      proofs.push(given);
      return { ok: true, value: pending() };
    });
    const proof = { signed: new Uint8Array([1]), signature: new Uint8Array([2]) };
    for (const n of [1, 2, 3, 4]) made.admitApproval(jump(n), proof);
    expect(await made.ask(jump(1), 'yes')).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^Approved/) });
    expect((await made.ask(jump(1), 'yes')).stderr).toMatch(/Connect again/);
    expect((await made.ask(jump(2), 'list')).exit).toBe(1);
    expect((await made.ask(jump(2), 'yes')).exit).toBe(1);
    made.over(jump(3));
    expect((await made.ask(jump(3), 'yes')).exit).toBe(1);
    expect([proofs, served]).toEqual([[proof], []]);
    admit(made, 9);
    expect((await made.ask(jump(9), 'yes')).exit).toBe(2);
    expect(proofs).toHaveLength(1);
  });

  it('says why an approval was not signed', async () => {
    const { made } = desk();
    made.admitApproval(jump(1), { signed: new Uint8Array(), signature: new Uint8Array() });
    expect(await made.ask(jump(1), 'yes')).toMatchObject({ exit: 1, stderr: expect.stringMatching(/Nothing waits/) });
  });

  it('is not yes any more after a while', async () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    try {
      const { made } = desk(undefined, async () => ({ ok: true, value: pending() }));
      for (const n of [1, 2]) made.admitApproval(jump(n), { signed: new Uint8Array(), signature: new Uint8Array() });
      now.mockReturnValue(CONFIRM_MS);
      expect((await made.ask(jump(1), 'yes')).exit).toBe(0);
      now.mockReturnValue(CONFIRM_MS + 1);
      expect((await made.ask(jump(2), 'yes')).exit).toBe(1);
    } finally {
      now.mockRestore();
    }
  });

  it('forgets the oldest of too many approvals', async () => {
    const { made } = desk(undefined, async () => ({ ok: true, value: pending() }));
    const proof = { signed: new Uint8Array(), signature: new Uint8Array() };
    for (let n = 1; n <= JUMPS_MAX + 1; n += 1) made.admitApproval(jump(n), proof);
    expect((await made.ask(jump(1), 'yes')).exit).toBe(1);
    expect((await made.ask(jump(2), 'yes')).exit).toBe(0);
  });

  it('forgets the oldest of too many connections', async () => {
    const { made } = desk();
    for (let n = 1; n <= JUMPS_MAX + 1; n += 1) admit(made, n);
    expect((await made.ask(jump(1), 'list')).exit).toBe(1);
    expect((await made.ask(jump(2), 'list')).exit).toBe(0);
  });
});
