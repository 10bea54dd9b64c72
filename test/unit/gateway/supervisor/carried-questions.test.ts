import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CARRIED_ANSWER_MS } from '../../../../src/gateway/limits.ts';
import { engagementId, personId } from '../../../support/samples/samples.ts';
import { SupervisedWorker } from '../../../support/worlds/hosted-worker.ts';
import { FROM_WORKER } from '../../../support/worlds/pipe-messages.ts';
import { sessionId } from '../../../support/worlds/world.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const ANY = { personId: null, engagementIds: null };

describe('what a worker carries', () => {
  it('is asked of the worker, and is what it answers', async () => {
    const made = await SupervisedWorker.carrying(1);
    const asked = made.process.carrying({ personId: personId(1), engagementIds: [engagementId(1)] });
    await vi.advanceTimersByTimeAsync(0);
    expect(made.worker.toldOf('carries')).toEqual([
      { type: 'carries', id: 0, personId: personId(1), engagementIds: [engagementId(1)] },
    ]);
    made.worker.says({ ...FROM_WORKER.carrying, sessions: [sessionId(1), sessionId(2)] });
    expect(await asked).toEqual([sessionId(1), sessionId(2)]);
  });

  it('is not known where it does not answer in time, or answers something else', async () => {
    const made = await SupervisedWorker.carrying();
    const asked = made.process.carrying(ANY);
    made.worker.says({ ...FROM_WORKER.carrying, id: 7 });
    await vi.advanceTimersByTimeAsync(CARRIED_ANSWER_MS);
    expect(await asked).toBeNull();
    // What comes too late answers nothing that is asked later.
    made.worker.says(FROM_WORKER.carrying);
    const again = made.process.carrying(ANY);
    made.worker.says({ ...FROM_WORKER.carrying, id: 1, sessions: [] });
    expect(await again).toEqual([]);
  });

  it('is not known of one that exits meanwhile, or has exited', async () => {
    const made = await SupervisedWorker.carrying(1);
    const asked = made.process.carrying(ANY);
    made.worker.exits();
    expect(await asked).toBeNull();
    expect(await made.process.carrying(ANY)).toBeNull();
  });

  it.each([
    [{ personId: personId(1), engagementIds: null }, true],
    [{ personId: null, engagementIds: [engagementId(1)] }, true],
    [{ personId: personId(1), engagementIds: [engagementId(2)] }, false],
    [{ personId: personId(2), engagementIds: null }, false],
    [{ personId: null, engagementIds: [] }, false],
    [ANY, true],
  ])('is known to control beside that, of whom it asks alone: %j', async (whose, is) => {
    const made = await SupervisedWorker.carrying(1);
    expect(made.process.knownOf(whose)).toEqual(is ? [sessionId(1)] : []);
  });
});
