import { newIdentity } from '../../../src/recording/format/wrapped-key.ts';

/** Who reads the recordings of a test: made for this run, and nobody else's. */
export const reader = await newIdentity();
