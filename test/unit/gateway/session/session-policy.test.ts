import { describe, expect, it } from 'vitest';
import type { SessionChannels } from '../../../../src/gateway/session/session-channels.ts';
import { sessionPolicy } from '../../../../src/gateway/session/session-policy.ts';
import { encode, reader } from '../../../../src/sshwire/bytes.ts';

describe('what a client asks for that no scope knows', () => {
  const refused: string[] = [];
  const notices: string[] = [];
  const session = {
    words: 'shell',
    refused: (sentence: string) => void refused.push(sentence),
    notice: (sentence: string) => void notices.push(sentence),
  } as unknown as SessionChannels;
  const policy = sessionPolicy(session, () => {});

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'x11'])('is refused by its name: %s', (name) => {
    refused.splice(0);
    notices.splice(0);
    const opened = policy.open(name, reader(encode()));
    policy.globalRequest(name);
    expect(JSON.stringify([opened, refused, notices])).not.toMatch(/undefined|native code/);
    expect(refused).toHaveLength(2);
    expect(refused[1]).toBe(`the request ${name} was refused`);
    expect(notices).toEqual([]);
  });
});
