import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type SentHeaders, signatureFault } from '../../../../src/slack/workspace/signature.ts';

const SECRET = '8f742231b10e8888abcd99yyyzzz85a5';
const NOW = 1_531_420_618;
/** The example of Slack's documentation. */
const BODY =
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
const DOCUMENTED = 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503';

const signed = (time: string, body: string | Buffer, secret = SECRET): string =>
  `v0=${createHmac('sha256', secret).update(`v0:${time}:`).update(body).digest('hex')}`;
const headers = (time: string, signature: string): SentHeaders => ({
  'x-slack-request-timestamp': [time],
  'x-slack-signature': [signature],
});
const faultOf = (sent: SentHeaders, body: string | Buffer = BODY, now = NOW) =>
  signatureFault(SECRET, sent, Buffer.from(body), now);

describe('a request', () => {
  it('that Slack signed is taken, up to five minutes away', () => {
    expect(faultOf(headers('1531420618', DOCUMENTED))).toBeNull();
    for (const away of [-300, 300]) expect(faultOf(headers('1531420618', DOCUMENTED), BODY, NOW + away)).toBeNull();
  });

  it.each<[string, SentHeaders, string | Buffer]>([
    ['of more than five minutes ago', headers(String(NOW - 301), signed(String(NOW - 301), BODY)), BODY],
    ['of more than five minutes ahead', headers(String(NOW + 301), signed(String(NOW + 301), BODY)), BODY],
  ])('%s is not of now', (_, sent, body) => {
    expect(faultOf(sent, body)).toBe('not_now');
  });

  const time = String(NOW);
  const good = signed(time, BODY);
  it.each<[string, SentHeaders]>([
    ['without headers', {}],
    ['without a signature', { 'x-slack-request-timestamp': [time] }],
    ['without a time', { 'x-slack-signature': [good] }],
    ['with two signatures, one of them right', { ...headers(time, good), 'x-slack-signature': ['v0=00', good] }],
    ['with two times', { ...headers(time, good), 'x-slack-request-timestamp': [time, time] }],
    ['of another version', headers(time, good.replace('v0', 'v1'))],
    ['in upper case', headers(time, `v0=${good.slice(3).toUpperCase()}`)],
    ['cut short', headers(time, good.slice(0, -1))],
    ['with more behind it', headers(time, `${good}=`)],
    ['with a time in another notation', headers(`${time}.0`, signed(`${time}.0`, BODY))],
    ['with a negative time', headers(`-${time}`, signed(`-${time}`, BODY))],
  ])('%s has no signature', (_, sent) => {
    expect(faultOf(sent)).toBe('no_signature');
  });

  it.each<[string, SentHeaders, string | Buffer]>([
    ['another secret', headers(time, signed(time, BODY, 'another')), BODY],
    ['an empty secret', headers(time, signed(time, BODY, '')), BODY],
    ['another body', headers(time, signed(time, `${BODY}&`)), BODY],
    ['another time', headers(time, signed(String(NOW - 1), BODY)), BODY],
    ['bytes that read as the same text', headers(time, signed(time, '\ufffd')), Buffer.from([0xff])],
  ])('signed for %s is refused', (_, sent, body) => {
    expect(faultOf(sent, body)).toBe('wrong_signature');
  });

  it('is refused by an empty secret, whatever it is signed with', () => {
    expect(signatureFault('', headers(time, signed(time, BODY, '')), Buffer.from(BODY), NOW)).toBe('no_signature');
  });
});
