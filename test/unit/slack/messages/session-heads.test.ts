import { expect, it } from 'vitest';
import { Digest, SessionId } from '../../../../src/access/ids.ts';
import { headsOf, sessionLine } from '../../../../src/slack/messages/session-messages.ts';
import { engagement, grant, personId } from '../../../support/samples/samples.ts';
import { session } from '../../../support/worlds/world.ts';

it('vouches for the head of each live session’s recording in the message’s metadata, and shows people none', () => {
  const heads = ['a', 'b', 'c'].map((letter) => Digest.parse(letter.repeat(64)));
  const sessions = heads.map((headAtStart, index) =>
    session(index + 1, {
      id: SessionId.parse(`${index}0000000-0000-4000-8000-000000000000`),
      recording: { headAtStart, headAtEnd: null, state: 'live' },
    }),
  );
  const view = { sessions, engagement: engagement(), grant: grant(1), names: new Map([[personId(1), 'Ada']]) };
  expect(Object.values(headsOf(view))).toEqual(heads);
  const shown = JSON.stringify(sessionLine(view).blocks);
  for (const head of heads) expect(shown).not.toContain(head.slice(0, 12));
  expect(shown).not.toContain('empty');
});
