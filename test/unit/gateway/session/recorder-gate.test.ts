import { describe, expect, it } from 'vitest';
import { deferred } from '../../../../src/gateway/deferred.ts';
import { RecorderGate } from '../../../../src/gateway/session/recorder-gate.ts';
import type { ChannelRecorder } from '../../../../src/recording/write/channel-recorder.ts';
import { turn } from '../../../support/peers/stream-pair.ts';

/** A recorder that says whether it is full, and how often it was asked when there would be room. */
function recorder() {
  const state = { isFull: false, asked: 0, room: deferred<void>() };
  const taker = {
    get isFull() {
      return state.isFull;
    },
    room: () => {
      state.asked += 1;
      return state.room.promise;
    },
  } as unknown as ChannelRecorder;
  return { state, taker };
}

function gate() {
  const told = { opened: 0, failed: 0 };
  const made = new RecorderGate(() => {
    told.opened += 1;
  });
  const opening = deferred<ChannelRecorder>();
  const expectIt = (): void =>
    made.expect(opening.promise, () => {
      told.failed += 1;
    });
  return { told, made, opening, expectIt };
}

describe('the gate of a channel', () => {
  it('is shut before a recorder is asked for, and before it is there', async () => {
    const { told, made, opening, expectIt } = gate();
    expect([made.isExpected, made.isOpen, made.recorder, made.whenThere]).toEqual([false, false, null, null]);
    expectIt();
    expect([made.isExpected, made.isOpen, made.recorder, made.whenThere]).toEqual([true, false, null, opening.promise]);
    const { taker } = recorder();
    opening.resolve(taker);
    await turn();
    expect([made.isExpected, made.isOpen, made.recorder]).toEqual([true, true, taker]);
    expect(told).toEqual({ opened: 1, failed: 0 });
  });

  it('stays shut where no recorder comes', async () => {
    const { told, made, opening, expectIt } = gate();
    expectIt();
    opening.reject(new Error('no space'));
    await turn();
    expect([made.isExpected, made.isOpen, made.recorder]).toEqual([true, false, null]);
    expect(told).toEqual({ opened: 0, failed: 1 });
  });

  it('is shut while the recorder is full, and says once when it opens, each time', async () => {
    const { told, made, opening, expectIt } = gate();
    const { state, taker } = recorder();
    expectIt();
    opening.resolve(taker);
    await turn();
    for (let round = 1; round <= 2; round += 1) {
      state.isFull = true;
      for (let n = 0; n < 5; n += 1) expect(made.isOpen).toBe(false);
      await turn();
      expect([state.asked, told.opened]).toEqual([round, round]);
      state.isFull = false;
      state.room.resolve();
      await turn();
      expect([made.isOpen, told.opened]).toEqual([true, round + 1]);
      state.room = deferred();
    }
  });

  it('stays shut where the recorder fails while it is full', async () => {
    const { told, made, opening, expectIt } = gate();
    const { state, taker } = recorder();
    expectIt();
    opening.resolve(taker);
    await turn();
    state.isFull = true;
    expect(made.isOpen).toBe(false);
    state.room.reject(new Error('no space'));
    await turn();
    expect([made.isOpen, told.opened, state.asked]).toEqual([false, 1, 1]);
  });
});
