import type { Duplex, Writable } from 'node:stream';
import { SOCKET_HIGH_WATER } from './limits.ts';

/** Resolves when the peer behind `socket` has taken enough of what waits for it, or is gone. */
export function socketRoom(socket: Duplex): Promise<void> {
  if (socket.writableLength < SOCKET_HIGH_WATER || socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

/** Writes one chunk and resolves when the SSH window has taken all of it. */
export const writeWhole = (stream: Writable, chunk: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    stream.write(chunk, (error) => (error ? reject(error) : resolve()));
  });

/** Runs tasks one after the other: ssh2 loses a chunk when stdout and stderr of one channel wait for the same window. */
export function turnstile(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const next = last.then(task, task);
    last = next.catch(() => {});
    return next;
  };
}
