import { expect, it } from 'vitest';
import { Digest } from '../../../src/access/ids.ts';
import { sessionLine } from '../../../src/slack/session-messages.ts';
import { engagement, grant, personId } from '../../support/samples.ts';
import { session } from '../../support/world.ts';

it('says the head of each live session’s recording, whichever of several it is', () => {
  const heads = ['a', 'b', 'c'].map((letter) => Digest.parse(letter.repeat(64)));
  const sessions = heads.map((headAtStart, index) =>
    session(index + 1, { recording: { headAtStart, headAtEnd: null, state: 'live' } }),
  );
  const names = new Map([[personId(1), 'Ada']]);
  const { blocks } = sessionLine({ sessions, engagement: engagement(), grant: grant(1), names });
  const shown = JSON.stringify(blocks);
  for (const head of heads) expect(shown).toContain(head.slice(0, 12));
  expect(shown).not.toContain('empty');
});
