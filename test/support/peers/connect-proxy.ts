import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A forward proxy that does nothing but CONNECT, on loopback, for one name and password. */
export class ConnectProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  /** Local ports of every connection that it made: by these its traffic is known where it arrives. */
  readonly ports = new Set<number>();
  refused = 0;

  private constructor() {
    this.#server = createServer((_request, response) => response.writeHead(405).end());
    this.#server.on('connect', (request, client: Socket, head: Buffer) => {
      const given = String(request.headers['proxy-authorization'] ?? '');
      if (given !== `Basic ${Buffer.from('daypass:hunter2').toString('base64')}`) {
        this.refused += 1;
        client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
        return;
      }
      const { hostname, port } = new URL(`http://${request.url}`);
      this.#join(client, connect(Number(port || 80), hostname), head);
    });
  }

  static async start(): Promise<ConnectProxy> {
    const proxy = new ConnectProxy();
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://daypass:hunter2@127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #join(client: Socket, upstream: Socket, head: Buffer): void {
    for (const socket of [client, upstream]) {
      this.#open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('close', () => {
        this.#open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    upstream.once('connect', () => {
      this.ports.add(upstream.localPort ?? 0);
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      client.pipe(upstream).pipe(client);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
