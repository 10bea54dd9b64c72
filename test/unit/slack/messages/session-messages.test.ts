import { describe, expect, it } from 'vitest';
import { grantAnnounced } from '../../../../src/slack/messages/grant-messages.ts';
import { sessionDetail, sessionLine } from '../../../../src/slack/messages/session-messages.ts';
import { checkMessage } from '../../../support/checks/slack-limits.ts';
import { grantView, sessionsView, type World } from '../../../support/samples/hostile-views.ts';
import { NOON, personId } from '../../../support/samples/samples.ts';

describe('the thread’s session line', () => {
  const world: World = {
    text: '192.0.2.77',
    other: 'cat /etc/secret-file',
    targets: 1,
    idLength: 8,
    status: 'approved',
    audience: 'thread',
    keys: 1,
    sessions: 3,
    channels: 2,
  };

  it('has a Terminate button for each live session, and says no command and no address', () => {
    const view = { ...sessionsView(world), names: new Map([[personId(1), 'Ada']]) };
    const { blocks } = sessionLine(view);
    const shown = checkMessage({ text: 'x', blocks }).join('\n');
    expect(shown).not.toContain('secret-file');
    expect(shown).not.toContain('192.0.2.77');
    const live = view.sessions.filter((each) => each.ended === null).map((each) => each.id);
    const values = blocks.flatMap((each) =>
      each.type === 'actions' ? each.elements.map((button) => ('value' in button ? button.value : '')) : [],
    );
    expect(values).toEqual([...live, `sessions:${view.sessions[0]?.id}`]);
  });

  it('has ids and digests behind a button, and nothing else in hex but the first characters', () => {
    const view = sessionsView(world);
    for (const { blocks } of [sessionLine(view), sessionDetail(view), grantAnnounced(grantView(world), NOON)]) {
      expect(checkMessage({ text: 'x', blocks }).join('\n')).not.toMatch(/[0-9a-f]{16}/);
      expect(JSON.stringify(blocks)).toContain('"text":"Details"');
    }
  });

  it('leaves commands and addresses to security', () => {
    const shown = checkMessage(sessionDetail(sessionsView(world))).join('\n');
    expect(shown).toContain('secret-file');
    expect(shown).toContain('192.0.2.77');
  });
});
