declare module 'fs-native-extensions' {
  /** False where another open file holds the lock (fcntl's OFD lock on Linux: the kernel lets go of it when the holder dies). */
  export function tryLock(fd: number): boolean;
}
