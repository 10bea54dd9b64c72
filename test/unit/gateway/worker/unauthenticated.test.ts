import { Socket } from 'node:net';
import { beforeEach, describe, expect, it } from 'vitest';
import { NOT_TO_COME_MAX } from '../../../../src/gateway/limits.ts';
import { Unauthenticated } from '../../../../src/gateway/worker/unauthenticated.ts';
import { fingerprint } from '../../../support/samples/samples.ts';

let told: unknown[][];
let unauthenticated: Unauthenticated;
let socket: Socket;

beforeEach(() => {
  told = [];
  unauthenticated = new Unauthenticated({ atDoor: (...args) => void told.push(args) });
  socket = new Socket();
  unauthenticated.add(4, socket);
});

describe('a connection that has not logged in', () => {
  const closes = (): Promise<void> =>
    new Promise((resolve) => {
      socket.once('close', () => resolve());
      socket.destroy();
    });
  const isIn = (): void => unauthenticated.isIn(socket);

  it.each<[string, (() => void | Promise<void>)[], unknown[][]]>([
    ['waits without a word', [], []],
    ['is told of once it is in', [isIn, isIn], [[4, 'in']]],
    ['is told of once it has gone', [closes], [[4, 'gone']]],
    ['is not told of as gone after it was in', [isIn, closes], [[4, 'in']]],
    [
      'is told of with what it offers',
      [() => unauthenticated.reached(socket, 'offer', fingerprint(1))],
      [[4, 'offer', fingerprint(1)]],
    ],
  ])('%s', async (_name, acts, expected) => {
    for (const act of acts) await act();
    expect(told).toEqual(expected);
    expect(unauthenticated.find(4)).toBe(expected.some(([, how]) => how === 'in' || how === 'gone') ? null : socket);
  });

  it('is none of those inside a jump, of which nothing is told', () => {
    const inner = new Socket();
    unauthenticated.reached(inner, 'kex', null);
    unauthenticated.isIn(inner);
    expect(told).toEqual([]);
  });
});

describe('a connection that is to be turned away before it comes', () => {
  it('is known once', () => {
    unauthenticated.expectNot(5);
    expect([4, 5, 5].map((number) => unauthenticated.isNotToCome(number))).toEqual([false, true, false]);
  });

  it('is forgotten after too many others', () => {
    for (let number = 10; number <= 10 + NOT_TO_COME_MAX; number += 1) unauthenticated.expectNot(number);
    expect([10, 11].map((number) => unauthenticated.isNotToCome(number))).toEqual([false, true]);
  });
});
