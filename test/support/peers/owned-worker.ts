import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';

// What a worker process does once somebody else runs in it; see malicious-worker.test.ts. The pipe to control is 4, Node's channel 3.
const [, , way = ''] = process.argv;
const all = (fd: number, bytes: Buffer): void => {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    }
  }
};
const beat = (): void => all(4, Buffer.from('{"type":"heartbeat","sessions":0}\n'));
all(4, Buffer.from('{"type":"ready"}\n'));
setInterval(beat, 500);
const MIB = 1024 * 1024;
const flood = (line: string): void => {
  const block = Buffer.from(line.repeat(Math.ceil(MIB / line.length)));
  for (let mib = 0; mib < 100; mib += 1) all(1, block);
};
const acts: Record<string, () => void> = {
  'half a line that never ends': () => all(4, Buffer.alloc(64 * 1024 * 1024, 'x')),
  'no JSON': () => all(4, Buffer.from('{"type":\n')),
  'no object': () => all(4, Buffer.from('[1]\n')),
  'deep JSON': () => all(4, Buffer.from(`{"type":${'['.repeat(200_000)}${']'.repeat(200_000)}}\n`)),
  'no JSON to Node itself': () => all(3, Buffer.from('garbage\n')),
  'a line without end to Node itself': () => all(3, Buffer.alloc(8 * 1024 * 1024, '{')),
  'an acknowledgement that nobody waits for': () => all(3, Buffer.from('{"cmd":"NODE_HANDLE_ACK"}\n')),
  'a handle that is none': () => all(3, Buffer.from('{"cmd":"NODE_HANDLE","type":"nonsense"}\n')),
  'one line without end': () => flood('x'),
  'empty lines': () => flood('\n'),
  'short lines': () => flood('x\n'),
  'lines of a log': () => flood('{"level":50,"msg":"ready"}\n'),
  'deep lines': () => flood(`{"a":${'['.repeat(4_000)}${']'.repeat(4_000)}}\n`),
  'lines that read like control’s, and one that is too long': () => {
    const forged = [
      '{"level":30,"msg":"ready","worker":1}',
      '{"v":1,"id":7,"type":"grant_revoked"}',
      '[1]',
      'plain\u009b31m',
    ];
    for (const fd of [1, 2]) all(fd, Buffer.from(`${forged.join('\n')}\n`));
    all(1, Buffer.from(`${'y'.repeat(100_000)}\n{"level":20,"msg":"small"}\n`));
  },
  'last words': () => {
    throw new Error('farewell');
  },
  'a child that holds its pipes': () => {
    spawn('sleep', ['30'], { stdio: ['ignore', 'inherit', 'inherit'] });
    process.exit(3);
  },
  'a real handle': () => {
    import('node:net').then(({ createServer }) => {
      const server = createServer().listen(0, '127.0.0.1', () => process.send?.({}, server));
    });
  },
};
setTimeout(() => acts[way]?.(), 300);
