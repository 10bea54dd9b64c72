import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from 'node:net';

/** How a way leads nowhere: connections are refused, or taken and never answered. */
export type Cut = 'refused' | 'silent';

/** A TCP port of this machine that leads somewhere else, until it is cut. What was connected when it was cut never comes back. */
export class Way implements AsyncDisposable {
  readonly port: number;
  readonly #server = createServer((socket) => this.#take(socket));
  readonly #to: (port: number) => Destination;
  readonly #open = new Set<Socket>();
  readonly #far = new Set<Socket>();
  /** Ends beyond a silent way: whoever they were for has not heard of their end. */
  readonly #lost = new Set<Socket>();
  #isSilent = false;

  private constructor(port: number, to: (port: number) => Destination) {
    this.port = port;
    this.#to = to;
  }

  /** `to` is given the port of this way. */
  static async open(to: (port: number) => Destination): Promise<Way> {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    const way = new Way(port, to);
    await way.#listen();
    return way;
  }

  async cut(how: Cut): Promise<void> {
    if (how === 'silent') {
      this.#isSilent = true;
      for (const socket of this.#open) socket.removeAllListeners('data').pause();
      for (const far of this.#far) this.#lost.add(far);
      return;
    }
    this.#server.close();
    this.#drop();
  }

  async mend(): Promise<void> {
    this.#isSilent = false;
    for (const far of this.#lost) far.destroy();
    if (!this.#server.listening) await this.#listen();
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  #take(near: Socket): void {
    this.#keep(near);
    if (this.#isSilent) return void near.pause();
    const { address, there = same, back = same } = this.#to(this.port);
    const far = connect(address);
    this.#keep(far);
    this.#far.add(far);
    near.on('data', (bytes) => far.write(there(bytes)));
    far.on('data', (bytes) => near.write(back(bytes)));
    near.on('close', () => far.destroy());
    far.on('close', () => {
      this.#far.delete(far);
      if (!this.#lost.delete(far)) near.destroy();
    });
  }

  #keep(socket: Socket): void {
    this.#open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#open.delete(socket));
  }

  #drop(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#drop();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}

export type Destination = {
  readonly address: NetConnectOpts;
  /** What becomes of bytes on their way. */
  readonly there?: (bytes: Buffer) => Buffer;
  readonly back?: (bytes: Buffer) => Buffer;
};

const same = (bytes: Buffer): Buffer => bytes;

/** A service that writes its own address into what it says: each port is written as the other, and both have five digits. */
export const renamed =
  (service: number) =>
  (way: number): Destination => {
    const rewrite = (from: number, to: number) => (bytes: Buffer) => {
      const text = bytes.toString('latin1');
      const other = text.replaceAll(`127.0.0.1:${from}`, `127.0.0.1:${to}`);
      return other === text ? bytes : Buffer.from(other, 'latin1');
    };
    return { address: { port: service, host: '127.0.0.1' }, there: rewrite(way, service), back: rewrite(service, way) };
  };
