import type { ChildProcess } from 'node:child_process';

/**
 * Node's channel to a child is the only way to hand it a socket, and its parent believes whatever the child says there: bytes that
 * are no JSON, or an acknowledgement that nobody waits for, end the parent. So nothing but acknowledgements gets through, and only
 * those that are due.
 */

type Handle = { close(): void };
type Channel = { onread: (this: Channel, bytes: ArrayBuffer | undefined) => void; pendingHandle: Handle | null };

const ACKNOWLEDGEMENTS = [{ cmd: 'NODE_HANDLE_ACK' }, { cmd: 'NODE_HANDLE_NACK' }].map((each) => JSON.stringify(each));
const LONGEST = Math.max(...ACKNOWLEDGEMENTS.map((each) => each.length));

/** Calls `broken` at the first thing that the child says there and may not. */
export function guardSocketChannel(child: ChildProcess, broken: (why: string) => void): void {
  const channel = channelOf(child);
  const { onread } = channel;
  let rest = '';
  let isBroken = false;
  const refuse = (why: string): void => {
    if (!isBroken) broken(why);
    isBroken = true;
  };
  channel.onread = function (bytes) {
    if (isBroken && bytes) return;
    if (this.pendingHandle) {
      this.pendingHandle.close();
      this.pendingHandle = null;
      return void refuse('a file descriptor that was not requested');
    }
    if (bytes) {
      const lines = (rest + Buffer.from(bytes).toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      const isKnown = lines.every((line) => ACKNOWLEDGEMENTS.includes(line));
      if (!isKnown || rest.length > LONGEST) return void refuse('something other than an acknowledgement');
    }
    onread.call(this, bytes);
  };
  const listeners = child.listeners('internalMessage') as ((message: unknown, handle: unknown) => void)[];
  child.removeAllListeners('internalMessage');
  child.on('internalMessage', (message: unknown, handle: unknown) => {
    if (!Array.isArray((child as unknown as { _handleQueue: unknown })._handleQueue)) {
      return void refuse('an acknowledgement that nobody was waiting for');
    }
    for (const listener of listeners) listener.call(child, message, handle);
  });
}

function channelOf(child: ChildProcess): Channel {
  const symbol = Object.getOwnPropertySymbols(child).find((each) => each.description === 'kChannelHandle');
  const channel = symbol && (child as unknown as Record<symbol, Partial<Channel> | null>)[symbol];
  const isKnown = typeof channel?.onread === 'function' && child.listenerCount('internalMessage') > 0;
  if (!isKnown)
    throw new Error(`the gateway does not know where Node ${process.version} keeps its channel to a child process`);
  return channel as Channel;
}
