import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { State } from '../../support/peers/persona.ts';
import { FORM, form, fresh, interaction, sendSigned } from '../../support/peers/slack-requests.ts';
import { ENGAGEMENT_CHANNEL, MEMBER, SlackWorld, TEAM } from '../../support/worlds/slack-world.ts';

const ORGANISATION = 'E0ACME0000';
const lines: string[] = [];
const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
let world: SlackWorld;
beforeAll(async () => {
  const organisation = { id: ORGANISATION, isAppInAll: false };
  world = await SlackWorld.open({ log }, [], { way: 'http', organisation });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const place = () => {
  if (world.transport.kind !== 'http') throw new Error('no HTTP');
  return world.transport;
};
const sent = (body: string) => sendSigned(place(), place().signingSecret, FORM, body);
const directly = (state: State) => state.direct_messages.flatMap((each) => each.messages);

describe('over signed HTTP', () => {
  it('goes from the engagement to the request, to Approve, to the certificate', async () => {
    await world.ready();
    await world.request();
    await world.manager.click(await world.manager.card('direct'), 'Approve');
    await world.contractor.granted();
    await world.files();
    const { files } = await world.contractor.state();
    const file = files.find(({ name }) => name.endsWith('-cert.pub'));
    expect(await world.contractor.file(file?.download ?? '')).toMatch(/^ssh-ed25519-cert-v01@openssh\.com /);
  });

  it('does once what an event asks that Slack sends again and again', async () => {
    await world.fault('lost_answer', 3);
    await world.contractor.say('help');
    const helped = (state: State) => directly(state).filter((each) => each.plain.includes('/access request'));
    await world.contractor.until('the answer', (state) => helped(state).length > 0);
    const ignored = () => lines.filter((line) => line.includes('a repeated payload was ignored'));
    await expect.poll(() => ignored().length).toBe(3);
    expect(helped(await world.contractor.state())).toHaveLength(1);
  });

  it('carries out what it acknowledged before it stops', async () => {
    await world.contractor.call('faults', { kind: 'slow', ms: 1_000, method: 'users.info' });
    const asked = { command: '/access', text: 'list', team_id: TEAM, user_id: MEMBER.manager, trigger_id: fresh() };
    const response_url = `${world.workspace.url}response/unknown`;
    const answer = await sent(form({ ...asked, channel_id: ENGAGEMENT_CHANNEL, response_url }));
    expect(answer).toEqual({ status: 200, body: '' });
    const stopping = world.stop();
    // What it could no longer carry out is not acknowledged.
    await expect(sent(form(asked))).rejects.toThrow(/ECONNREFUSED/);
    await stopping;
    // It came as far as the answer, which this URL does not take.
    expect(lines.join('')).toContain('response_url answered 404');
    expect(lines.join('')).not.toContain('"code":"stopping"');
    await world.start();
  });

  it('does not start where another program listens, and says what to do', async () => {
    await expect(world.start()).rejects.toThrow(/another program does\. Stop it, or set another slack\.http\.port/);
  });

  it('does nothing for another workspace of the organisation, and says where to go', async () => {
    const rows = async () => (await world.sql('select count(*) as n from audit_event'))[0];
    const before = await rows();
    const command = { command: '/access', text: 'key', trigger_id: fresh(), user_id: MEMBER.manager };
    const told = await sent(form({ ...command, team_id: 'T0OTHER000', channel_id: ENGAGEMENT_CHANNEL }));
    expect(told).toMatchObject({ status: 200, body: expect.stringContaining('installed in another workspace') });
    const elsewhere = { team: { id: 'T0OTHER000' }, enterprise: { id: ORGANISATION }, user: { id: MEMBER.manager } };
    const view = { id: 'V1', callback_id: 'request', state: { values: {} } };
    const shown = await sent(interaction({ type: 'view_submission', trigger_id: fresh(), view, ...elsewhere }));
    expect(JSON.parse(shown.body)).toMatchObject({ response_action: 'update', view: { type: 'modal' } });
    expect(await rows()).toEqual(before);
    expect(lines.filter((line) => line.includes('"another_workspace"'))).toHaveLength(1);
  });
});
