import { FX } from '../../sftpwire/wire.ts';

const LANGUAGES = ['', 'en', 'en-US'];

/** What servers say behind a status (draft-ietf-secsh-filexfer-02 §7): words and their language; OpenSSH's come first, and some say neither. */
function tails(words: readonly string[]): readonly Buffer[] {
  const pairs = LANGUAGES.flatMap((language) => words.map((word) => Buffer.concat([field(word), field(language)])));
  return [...pairs, Buffer.alloc(0)];
}

function field(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

const DONE = tails(['Success', '', 'OK', 'Ok', 'No error']);
const AT_END = tails(['End of file', '', 'EOF', 'Eof', 'End-of-file']);
/** Type, number and code. */
const FIXED = 9;

/** Whether a status says no more than that a WRITE was done, or a READ came to the end: what is in the file log. */
export function isPlainStatus(head: Buffer, kind: 'read' | 'write', code: number): boolean {
  if (code !== (kind === 'write' ? FX.OK : FX.EOF)) return false;
  for (const tail of kind === 'write' ? DONE : AT_END) {
    if (head.length === FIXED + tail.length && head.compare(tail, 0, tail.length, FIXED) === 0) return true;
  }
  return false;
}
