import { describe, expect, it } from 'vitest';
import { createLog } from '../../../../src/log.ts';
import { Boundary } from '../../../../src/slack/conversations/boundary.ts';
import { SlackUnavailable } from '../../../../src/slack/workspace/directory.ts';
import { gate } from '../../../support/checks/gate.ts';

const boundary = () =>
  new Boundary(createLog('silent'), { uuid: () => '', bytes: (length) => new Uint8Array(length).fill(0xab) });
const about = (key: string | null) => ({ kind: 'click', key });
const untold = async (): Promise<void> => {
  throw new Error('nobody is to be told anything');
};

describe('the boundary', () => {
  it('handles a payload once, however often it comes', async () => {
    const edge = boundary();
    let handled = 0;
    const work = async (): Promise<void> => {
      handled += 1;
    };
    await Promise.all(Array.from({ length: 100 }, () => edge.run(about('1'), untold, work)));
    await edge.run(about('2'), untold, work);
    expect(handled).toBe(2);
    await edge.run(about(null), untold, work);
    await edge.run(about(null), untold, work);
    expect(handled).toBe(4);
  });

  it('tells the person with a reference, and nothing of what broke', async () => {
    const told: string[] = [];
    await boundary().run(
      about('1'),
      async (text) => void told.push(text),
      async () => {
        throw new Error('password=hunter2');
      },
    );
    expect(told).toEqual([expect.stringContaining('abababab')]);
    expect(told[0]).not.toContain('hunter2');
  });

  it('asks to try again where Slack could not be asked', async () => {
    const told: string[] = [];
    await boundary().run(
      about('1'),
      async (text) => void told.push(text),
      async () => {
        throw new SlackUnavailable(null);
      },
    );
    expect(told[0]).toMatch(/Try again in a moment/);
  });

  it('outlives a person who cannot be told', async () => {
    await boundary().run(about('1'), untold, async () => {
      throw new Error('x');
    });
  });

  it('waits for what is under way when it drains, and turns away what comes after', async () => {
    const edge = boundary();
    const { opened, open } = gate();
    let done = false;
    const running = edge.run(about('1'), untold, async () => {
      await opened;
      done = true;
    });
    const drained = edge.drain().then(() => done);
    open();
    expect(await drained).toBe(true);
    await running;
    const told: string[] = [];
    await edge.run(about('2'), async (text) => void told.push(text), untold);
    expect(told[0]).toMatch(/restarting/);
  });
});
