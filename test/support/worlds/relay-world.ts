import type { Scope } from '../../../src/access/scopes/scope.ts';
import { deferred } from '../../../src/gateway/deferred.ts';
import { Relay } from '../../../src/gateway/session/relay.ts';
import { Channel, type Stream } from '../../../src/gateway/ssh/channel.ts';
import type { Size } from '../../../src/gateway/ssh/channel-requests.ts';
import { ChannelTable } from '../../../src/gateway/ssh/channel-table.ts';
import type { ChannelRecorder } from '../../../src/recording/write/channel-recorder.ts';
import type { ChannelRecord, Exit, Fact } from '../../../src/recording/write/recorder-messages.ts';
import { string } from '../../../src/sshwire/bytes.ts';
import { inWords, saying } from '../peers/channel-words.ts';
import { MemoryTransport } from '../peers/memory-transport.ts';
import { digest, scope } from '../samples/samples.ts';

/** How the client and the target number the channel; to the gateway it is 0 on both connections. */
export const CLIENT = 7;
export const TARGET = 5;

type Tell = (line: string) => void;

const RECORD: ChannelRecord = {
  ...{ coverage: 'full', label: 'command', files: null, bytesFromClient: 0, bytesToClient: 0 },
  ...{ stdoutSha256: digest(1), stderrSha256: digest(2), stdinSha256: digest(3) },
};

/** Says of each message that it is sent when it is. */
class HeardTransport extends MemoryTransport {
  readonly #tell: Tell;

  constructor(tell: Tell) {
    super();
    this.#tell = tell;
  }

  override send(payload: Uint8Array): void {
    if (!this.isDestroyed) this.#tell(inWords(payload));
    super.send(payload);
  }
}

/** A recorder that takes what it is told to take. */
class ToldRecorder implements Pick<ChannelRecorder, keyof ChannelRecorder> {
  isFull = false;
  /** The recording has failed: it takes nothing any more. */
  hasFailed = false;
  readonly #tell: Tell;
  #room = deferred<void>();

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  input(bytes: Buffer): void {
    this.#take(`input ${bytes}`);
  }

  output(stream: Stream, bytes: Buffer): void {
    this.#take(`${stream} ${bytes}`);
  }

  resize({ columns, rows, width, height }: Size): void {
    this.#take(`resize ${columns}x${rows} ${width}x${height}`);
  }

  note(fact: Fact): void {
    this.#take(`note ${JSON.stringify(fact)}`);
  }

  room(): Promise<void> {
    return this.#room.promise;
  }

  async finish(exit: Exit = null): Promise<ChannelRecord> {
    this.#tell(`finish ${JSON.stringify(exit)}`);
    return RECORD;
  }

  makeRoom(): void {
    this.isFull = false;
    this.#room.resolve();
    this.#room = deferred();
  }

  #take(line: string): void {
    if (this.hasFailed) throw new Error('the recording has failed');
    this.#tell(line);
  }
}

type Options = {
  readonly scope?: Scope;
  /** How much the client takes, and the target. */
  readonly window?: number;
  readonly targetWindow?: number;
};

/** A relayed channel on real channels of two connections in memory, with a recorder that does as it is told. */
export class RelayWorld {
  readonly #lines: string[] = [];
  readonly client = new HeardTransport((line) => this.#lines.push(`client ${line}`));
  readonly target = new HeardTransport((line) => this.#lines.push(`target ${line}`));
  readonly recorder = new ToldRecorder((line) => this.#lines.push(`recorder ${line}`));
  readonly refused: string[] = [];
  readonly relay: Relay;
  /** The channel carries more than may be left out of the recording. */
  overrun = (): void => {};
  readonly #targetWindow: number | undefined;
  readonly #recorderComes = deferred<ChannelRecorder>();

  /** The client has opened the channel, and asked for nothing. */
  constructor({ scope: held = scope('shell'), window, targetWindow }: Options = {}) {
    this.#targetWindow = targetWindow;
    const up = this.#table(this.target, 'target', () => {});
    const opened: Channel[] = [];
    this.#table(this.client, 'client', (channel) => opened.push(channel));
    this.client.say(saying.open(CLIENT, window === undefined ? {} : { window }));
    const [down] = opened;
    if (!down) throw new Error('no channel');
    this.relay = this.#relayed(down, up, held);
    this.relay.finished.then(
      (record) => this.#lines.push(record ? `over ${JSON.stringify(record.exit)}` : 'over'),
      (error: Error) => this.#lines.push(`failed: ${error.message}`),
    );
    this.outcome();
  }

  /** One in which a command runs. */
  static async running(options: Options = {}): Promise<RelayWorld> {
    const world = new RelayWorld(options);
    await world.asks();
    await world.recorderComes();
    await world.targetComes();
    await world.says(world.target, saying.success(0));
    world.outcome();
    return world;
  }

  /** The client asks for a command, or for something else. */
  asks(name = 'exec', data = string('cat')): Promise<void> {
    return this.says(this.client, saying.ask(0, name, data));
  }

  async recorderComes(): Promise<void> {
    this.#recorderComes.resolve(this.recorder as unknown as ChannelRecorder);
    await this.settle();
  }

  /** There is none: the recording has failed. */
  async recorderFails(): Promise<void> {
    this.#recorderComes.reject(new Error('the recording has failed'));
    await this.settle();
  }

  /** The target opens the channel that it was asked for. */
  targetComes(): Promise<void> {
    const opening = this.#targetWindow === undefined ? {} : { window: this.#targetWindow };
    return this.says(this.target, saying.confirm(0, TARGET, opening));
  }

  async says(who: MemoryTransport, ...messages: readonly Uint8Array[]): Promise<void> {
    who.say(...messages);
    await this.settle();
  }

  /** All that follows by itself. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** What the recorder took and what either side got since the last time, in this order. */
  outcome(): string[] {
    return this.#lines.splice(0);
  }

  #table(wire: MemoryTransport, name: string, opened: (channel: Channel) => void): ChannelTable {
    const table = new ChannelTable(wire.transport, {
      open: () => ({ accept: true, opened }),
      globalRequest: () => {},
      killed: () => void this.#lines.push(`${name} cut`),
    });
    wire.hearer = (payload) => table.take(payload);
    return table;
  }

  #relayed(channel: Channel, up: ChannelTable, held: Scope): Relay {
    return new Relay(
      {
        scope: held,
        openChannel: async (carries) => {
          const answer = await up.openSession(carries);
          if (answer instanceof Channel) return answer;
          throw new Error('the target opened no channel.');
        },
        openRecorder: ({ kind, command }, overrun) => {
          this.overrun = overrun;
          this.#lines.push(`recorder begins ${kind} ${command}`);
          return this.#recorderComes.promise;
        },
        refused: (sentence) => void this.refused.push(sentence),
        watched: { started() {}, output() {} },
      },
      channel,
    );
  }
}
