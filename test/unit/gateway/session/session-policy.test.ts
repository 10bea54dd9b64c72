import { describe, expect, it } from 'vitest';
import type { ChannelVerdict } from '../../../../src/access/scopes/permits.ts';
import type { SessionChannels } from '../../../../src/gateway/session/session-channels.ts';
import { sessionPolicy } from '../../../../src/gateway/session/session-policy.ts';
import type { Channel } from '../../../../src/gateway/ssh/channel.ts';
import type { PendingOpen } from '../../../../src/gateway/ssh/channel-table.ts';
import { attempt, encode, reader, string, uint32 } from '../../../../src/sshwire/bytes.ts';

const ALLOWED: ChannelVerdict = { allowed: true };

/** A session that writes down what it is told. */
function asked(verdict: ChannelVerdict = ALLOWED) {
  const refused: string[] = [];
  const notices: string[] = [];
  const begun: unknown[] = [];
  const session = {
    words: 'shell',
    refused: (sentence: string) => void refused.push(sentence),
    notice: (sentence: string) => void notices.push(sentence),
    relay: (channel: Channel) => void begun.push(['relay', channel]),
    tunnel: (...to: unknown[]) => void begun.push(['tunnel', ...to]),
    permitsTunnel: (to: unknown) => {
      begun.push(['asked', to]);
      return verdict;
    },
  } as unknown as SessionChannels;
  const killed: string[] = [];
  const policy = sessionPolicy(session, (why) => void killed.push(why));
  return { policy, refused, notices, begun, killed };
}

const to = (host: string, port: number) => reader(encode(string(host), uint32(port), string('127.0.0.1'), uint32(1)));
const nothing = () => reader(encode());
const prohibited = (description: string) => ({ accept: false, reason: 1, description: `daypass: ${description}` });

describe('a channel that a client opens', () => {
  it('is relayed where it is a session', () => {
    const { policy, begun, refused } = asked();
    const decision = policy.open('session', nothing());
    expect(decision).toMatchObject({ accept: true });
    const channel = {} as Channel;
    if (decision.accept === true) decision.opened(channel);
    expect(begun).toEqual([['relay', channel]]);
    expect(refused).toEqual([]);
  });

  it('is a tunnel where the scope lets it through, once it is decided there', () => {
    const { policy, begun, refused } = asked();
    const decision = policy.open('direct-tcpip', to('db.internal', 5432));
    const destination = { host: 'db.internal', port: 5432 };
    expect(decision).toMatchObject({ accept: 'later' });
    expect(begun).toEqual([['asked', destination]]);
    const pending = {} as PendingOpen;
    if (decision.accept === 'later') decision.decide(pending);
    expect(begun.at(-1)).toEqual(['tunnel', destination, pending]);
    expect(refused).toEqual([]);
  });

  it('is refused where the scope lets no tunnel through to there, in letters that a terminal can show', () => {
    const { policy, begun, refused } = asked({ allowed: false, why: 'no tunnel to dä' });
    expect(policy.open('direct-tcpip', to('dä', 1))).toEqual(prohibited('no tunnel to d?'));
    expect(refused).toEqual(['a tunnel to dä:1 was refused']);
    expect(begun).toEqual([['asked', { host: 'dä', port: 1 }]]);
  });

  it.each([
    ['255 characters', to('h'.repeat(255), 1), 'read'],
    ['256 characters', to('h'.repeat(256), 1), 'its host is longer than 255 bytes'],
    ['a line break', to('a\nb', 1), 'its host has control characters'],
    ['nothing behind it', reader(string('host')), 'it ends inside its port'],
  ])('names a host that can be one: with %s', (_what, data, expected) => {
    const { policy } = asked();
    const outcome = attempt(() => policy.open('direct-tcpip', data));
    expect(outcome.ok ? 'read' : outcome.refusal.why).toBe(expected);
  });

  const way = 'use a tunnel to a host and port that your scope names: -L <port>:<host>:<port>';
  it.each([
    ['direct-streamlocal@openssh.com', 'a tunnel to a socket on the target (-L)', way],
    ['tun@openssh.com', 'a network tunnel (-w)', way],
    ['x11', 'an X11 channel', 'shells, commands and files work, as far as your scope allows them'],
    ['auth-agent@openssh.com', 'an agent channel', 'use ProxyJump to reach another target'],
  ])('is refused with what works instead: %s', (type, what, instead) => {
    const { policy, refused, notices } = asked();
    expect(policy.open(type, nothing())).toEqual(prohibited(`${what} is refused: ${instead}`));
    expect(refused).toEqual([`${what} was refused`]);
    expect(notices).toEqual([]);
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'forwarded-tcpip', 'Session', 'x'.repeat(64)])(
    'of a type that no scope knows is refused by its name: %s',
    (type) => {
      const { policy, refused } = asked();
      const why = 'channels of this type are not allowed; this access allows: shell';
      expect(policy.open(type, nothing())).toEqual(prohibited(why));
      policy.open(`${'y'.repeat(64)}z`, nothing());
      expect(refused).toEqual([
        `the channel type ${type} was refused`,
        `the channel type ${'y'.repeat(64)} was refused`,
      ]);
    },
  );
});

describe('a global request of a client', () => {
  it.each([
    'keepalive@openssh.com',
    'no-more-sessions@openssh.com',
    'hostkeys-prove-00@openssh.com',
    'cancel-tcpip-forward',
    'cancel-streamlocal-forward@openssh.com',
  ])('that wants nothing of a target is not spoken of: %s', (name) => {
    const { policy, refused, notices } = asked();
    policy.globalRequest(name);
    expect([refused, notices]).toEqual([[], []]);
  });

  it.each(['tcpip-forward', 'streamlocal-forward@openssh.com'])('%s is refused, and the person is told', (name) => {
    const { policy, refused, notices } = asked();
    policy.globalRequest(name);
    expect(refused).toEqual(['a tunnel from the target (-R) was refused']);
    expect(notices).toEqual([
      'a tunnel from the target (-R) is refused: open the tunnel from your side, to a host and port that your scope names: -L <port>:<host>:<port>.',
    ]);
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'x11'])(
    'that nobody knows is refused by its name: %s',
    (name) => {
      const { policy, refused, notices } = asked();
      policy.globalRequest(name);
      policy.globalRequest(`${'y'.repeat(64)}z`);
      expect(refused).toEqual([`the request ${name} was refused`, `the request ${'y'.repeat(64)} was refused`]);
      expect(notices).toEqual([]);
    },
  );
});

it('a connection that is killed is the session’s matter', () => {
  const { policy, killed } = asked();
  policy.killed('it sent too much');
  expect(killed).toEqual(['it sent too much']);
});
