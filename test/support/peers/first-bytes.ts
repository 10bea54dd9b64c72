import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import ssh2 from 'ssh2';

/** What a real client sends first: its version and its KEXINIT. */
export async function firstBytes(): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = new ssh2.Client();
  client.on('error', () => {});
  const connected = once(server, 'connection') as Promise<[Socket]>;
  client.connect({ host: '127.0.0.1', port, username: 'x' });
  const [socket] = await connected;
  const parts: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => parts.push(bytes));
  socket.on('error', () => {});
  socket.write('SSH-2.0-test\r\n');
  while (Buffer.concat(parts).length < 300) await once(socket, 'data');
  client.destroy();
  socket.destroy();
  server.close();
  return Buffer.concat(parts);
}
