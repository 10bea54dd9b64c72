import type { Fingerprint } from '../../access/ids.ts';

/** Each leaves a row for good. It is many times what people do in a day who list what they have, or fetch certificates by script. */
export const PLAIN_LOGINS_PER_DAY = 1_000;
const DAY_MS = 86_400_000;

/** Counts the logins of a registered key without a certificate, of this day by the clock in UTC. */
export function plainLogins(max = PLAIN_LOGINS_PER_DAY): (fingerprint: Fingerprint, now: Date) => boolean {
  let day = 0;
  const counts = new Map<Fingerprint, number>();
  return (fingerprint, now) => {
    const today = Math.floor(now.getTime() / DAY_MS);
    if (today !== day) counts.clear();
    day = today;
    const count = (counts.get(fingerprint) ?? 0) + 1;
    if (count > max) return false;
    counts.set(fingerprint, count);
    return true;
  };
}
