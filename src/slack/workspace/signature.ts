import { createHmac, timingSafeEqual } from 'node:crypto';

/** Headers with each value that came, so that a second one is seen. */
export type SentHeaders = Readonly<Record<string, readonly string[] | undefined>>;

/** Why a request is not known to be from Slack. */
export type Unsigned = 'no_signature' | 'not_now' | 'wrong_signature';

/** Slack's limit on the age of a request; a time as far ahead is as wrong. */
const WINDOW_SECONDS = 5 * 60;

/**
 * Checks Slack's signature, version 0 (https://docs.slack.dev/authentication/verifying-requests-from-slack), over the bytes that came.
 * Bolt checks it too, over the text that it makes of them, and takes times from the future. Null where Slack signed this.
 */
export function signatureFault(
  secret: string,
  headers: SentHeaders,
  body: Uint8Array,
  nowSeconds: number,
): Unsigned | null {
  const time = onlyOne(headers['x-slack-request-timestamp'], /^\d{1,12}$/);
  const signature = onlyOne(headers['x-slack-signature'], /^v0=[0-9a-f]{64}$/);
  if (secret === '' || time === null || signature === null) return 'no_signature';
  if (Math.abs(nowSeconds - Number(time)) > WINDOW_SECONDS) return 'not_now';
  const signed = createHmac('sha256', secret).update(`v0:${time}:`).update(body).digest();
  const given = Buffer.from(signature.slice('v0='.length), 'hex');
  return timingSafeEqual(signed, given) ? null : 'wrong_signature';
}

function onlyOne(values: readonly string[] | undefined, shape: RegExp): string | null {
  const [value, ...others] = values ?? [];
  return value !== undefined && others.length === 0 && shape.test(value) ? value : null;
}
