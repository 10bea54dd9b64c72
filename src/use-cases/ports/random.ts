export type RandomSource = {
  uuid(): string;
  /** Uniform bytes from the operating system. */
  bytes(length: number): Uint8Array;
};
