import type { Duplex } from 'node:stream';

/** Where a connection comes from: TCP, or a channel of a jump. */
export type Origin =
  | { readonly kind: 'outer'; readonly remoteAddress: string }
  | {
      readonly kind: 'inner';
      readonly remoteAddress: string;
      readonly targetName: string;
      readonly jump: Carrier;
    };

/** The jump that a connection runs through, as far as that one knows it. */
export type Carrier = {
  /** Of the outer connection, in hex. */
  readonly sshSessionId: string;
  /** A session runs through it: the jump lives as long as that. */
  carries(inner: Duplex): void;
  /** Ends the jump as well, unless another connection runs through it. */
  release(inner: Duplex): void;
};

/** Takes in a byte stream over which a client speaks SSH. */
export type Accept = (socket: Duplex, origin: Origin) => void;
