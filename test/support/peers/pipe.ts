import { Duplex } from 'node:stream';

/** Two ends of one connection in memory. An end that is destroyed ends the other, as TCP does. */
export function pipe(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  const end = (other: () => Duplex | undefined): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        other()?.push(chunk);
        done();
      },
      final(done) {
        other()?.push(null);
        done();
      },
      destroy(error, done) {
        other()?.push(null);
        done(error);
      },
    });
  ends.push(end(() => ends[1]));
  ends.push(end(() => ends[0]));
  return ends as [Duplex, Duplex];
}
