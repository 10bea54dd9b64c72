/** What a signature is for: one made for the one is worth nothing for the other. */
export type SignedFile = 'recording' | 'erasure';

/** Signs with the recording key, which nothing in this folder knows. */
export type RecordingSigner = {
  /** Text of a signature file that lies beside what it signs. */
  file(what: SignedFile, message: Uint8Array): string;
  /** The same for a line of the ledger, base64. */
  line(message: Uint8Array): string;
};

/** Whether the recording key made a signature. Never throws. */
export type RecordingChecker = {
  file(what: SignedFile, message: Uint8Array, signature: string): boolean;
  line(message: Uint8Array, signature: string): boolean;
};
