/** Free space for recordings: below `gateway.min_free_mib` no session begins, which is `too_little`. */
export const SPACE_LEVELS = ['too_little', 'low', 'enough'] as const;
export type SpaceLevel = (typeof SPACE_LEVELS)[number];

/** The part of the least that live sessions leave free: control needs some of the same disk. */
export const RESERVE = 0.2;

/** From here on down, in multiples of the least, somebody is told while there is time to act. */
const LOW = 4;
/** A rise counts once it would hold with so much less: a disk at the limit is told of once. */
const MARGIN = 1.1;

/** What `freeMiB` comes to, where it was `before`. */
export function spaceLevel(freeMiB: number, minFreeMiB: number, before: SpaceLevel): SpaceLevel {
  const level = levelOf(freeMiB, minFreeMiB);
  return SPACE_LEVELS.indexOf(level) > SPACE_LEVELS.indexOf(before) ? levelOf(freeMiB / MARGIN, minFreeMiB) : level;
}

const levelOf = (freeMiB: number, minFreeMiB: number): SpaceLevel => {
  if (freeMiB < minFreeMiB) return 'too_little';
  return freeMiB < LOW * minFreeMiB ? 'low' : 'enough';
};
