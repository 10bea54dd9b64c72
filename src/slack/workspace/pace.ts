import { setTimeout as sleep } from 'node:timers/promises';

/** Slack takes one message a second and channel, and bears a short burst. */
const PER_SECOND = 1;
const BURST = 5;
const CHANNELS_MAX = 1_000;

type Bucket = { tokens: number; at: number };

/** Waits until another message to the channel is within the pace; `now` is monotonic, in milliseconds. */
export function pace(
  now: () => number = () => performance.now(),
): (channel: string, signal: AbortSignal) => Promise<void> {
  const buckets = new Map<string, Bucket>();
  return async (channel, signal) => {
    const at = now();
    const { tokens, at: since } = buckets.get(channel) ?? { tokens: BURST, at };
    const left = Math.min(BURST, tokens + ((at - since) / 1000) * PER_SECOND) - 1;
    buckets.delete(channel);
    buckets.set(channel, { tokens: left, at });
    const [oldest] = buckets.keys();
    if (buckets.size > CHANNELS_MAX && oldest !== undefined) buckets.delete(oldest);
    if (left < 0) await sleep((-left / PER_SECOND) * 1000, undefined, { signal });
  };
}
