import { StringDecoder } from 'node:string_decoder';

/** asciicast v2: a header line, then one JSON array per event. https://docs.asciinema.org/manual/asciicast/v2/ */

export type CastHeader = {
  readonly width: number;
  readonly height: number;
  readonly startedAt: Date;
  readonly term: string | null;
  readonly title: string;
};

export function headerLine(header: CastHeader): string {
  const { width, height, startedAt, term, title } = header;
  const timestamp = Math.floor(startedAt.getTime() / 1000);
  const env = term === null ? {} : { env: { TERM: term } };
  return `${JSON.stringify({ version: 2, width, height, timestamp, title, ...env })}\n`;
}

/**
 * Turns the bytes of one stream into events, of output or of input. A character that is split between two chunks is kept until it is whole;
 * bytes that are no UTF-8 become U+FFFD, which is all that JSON can say of them.
 */
export class StreamEvents {
  readonly #decoder = new StringDecoder('utf8');
  readonly #code: 'o' | 'i';

  constructor(code: 'o' | 'i') {
    this.#code = code;
  }

  line(seconds: number, bytes: Uint8Array): string {
    return event(
      seconds,
      this.#code,
      this.#decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
    );
  }

  last(seconds: number): string {
    return event(seconds, this.#code, this.#decoder.end());
  }
}

export const resizeLine = (seconds: number, columns: number, rows: number): string =>
  event(seconds, 'r', `${columns}x${rows}`);

/** Players show it on their time line. */
export const markerLine = (seconds: number, words: string): string => event(seconds, 'm', words);

const event = (seconds: number, code: 'o' | 'i' | 'r' | 'm', data: string): string =>
  data === '' ? '' : `${JSON.stringify([Number(seconds.toFixed(6)), code, data])}\n`;
