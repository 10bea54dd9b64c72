import { PATH_MAX } from '../../recording/file-log/operation.ts';
import { SftpPackets } from '../../sftpwire/packets.ts';
import { Fields, FX, FXP, FXP_REPLY, type Request, readRequest, SFTP_VERSION } from '../../sftpwire/wire.ts';
import { encode, string, uint8, uint32 } from '../../sshwire/bytes.ts';
import { plainLine } from '../words/refusals.ts';
import { type FileRights, SftpPaths } from './paths.ts';
import { judge, type RequestVerdict } from './rules.ts';

/** What goes on to the target, what goes to the client instead, and, once it cannot be held, why the channel must end. */
export type Guarded = { readonly forward: Buffer[]; readonly answer: Buffer[]; readonly ended: string | null };

/** Requests that wait for the target's answer, and refusals that wait for their turn. */
const OUTSTANDING_MAX = 8_192;
const ANSWERS_MAX = 2_048;
/** Of paths that wait for either, as the file log counts them. */
const PATHS_MAX = 2 * 1024 * 1024;
const FILES_MAX = 1_000;
const PATH_SHOWN = 200;

/** Where relative paths start. Its number is the gateway's own: no request of the client is under way until it is answered. */
const START_ID = 0xffff_ffff;
const ASK_FOR_START = Buffer.from(string(encode(uint8(FXP.REALPATH), uint32(START_ID), string('.'))));

type Outstanding = { readonly kind: Request['kind']; readonly cost: number };
type Answer = { readonly after: number; readonly bytes: Buffer; readonly cost: number };

/**
 * Holds a scope inside the SFTP protocol: requests that it does not allow are answered here, and never reach the target.
 *
 * Both methods are called with the bytes of a direction in their order, just before these would go on; `forward` goes on instead of
 * them, unchanged where it is allowed, and `answer` is written to the client's stdout behind what was forwarded to it before: it is
 * given only between two packets of the target, and in the order of the requests. A request whose head is not whole is held back
 * (`held` bytes), so that `forward` can be longer than what came in by that much. When `isFull`, the client must wait until the
 * target has answered. After `ended` neither direction may go on.
 *
 * Where paths are bounded the target is asked, behind the client's first packet, where relative ones start: clients know it without
 * asking, or never need it. The answer is not for the client.
 */
export class SftpGuard {
  readonly #rights: FileRights['rights'];
  readonly #within: SftpPaths;
  readonly #refused: (sentence: string) => void;
  readonly #client: SftpPackets;
  readonly #target: SftpPackets;
  /** `asking`: the target has yet to say where paths start, and the client waits. */
  #stage: 'start' | 'greeted' | 'asking' | 'open' = 'start';
  #forward: Buffer[] = [];
  #ended: string | null = null;
  /** Whether the content that passes belongs to a request that was refused. */
  #isDropping = false;
  readonly #outstanding = new Map<number, Outstanding>();
  #paths = 0;
  /** Open, or asked for. */
  #files = 0;
  #sent = 0;
  #answered = 0;
  readonly #answers: Answer[] = [];

  constructor(rights: FileRights, refused: (sentence: string) => void) {
    this.#rights = rights.rights;
    this.#within = new SftpPaths(rights.paths);
    this.#refused = refused;
    this.#client = new SftpPackets('client', {
      packet: (head) => this.#request(head),
      content: (bytes) => {
        if (!this.#isDropping) this.#forward.push(bytes);
      },
      contentEnd: () => {},
      malformed: (why) => this.#end(`The client sent something that is not SFTP: ${why}`),
    });
    this.#target = new SftpPackets('target', {
      packet: (head) => this.#reply(head),
      content: () => {},
      contentEnd: () => {},
      malformed: () => this.#end('The target sent something that is not SFTP. Ask its owner what its login prints'),
    });
  }

  /** Bytes of a request whose head is not whole, and of what is asked beside it. */
  get held(): number {
    const own = this.#stage === 'start' && this.#within.areBounded ? ASK_FOR_START.length : 0;
    return this.#client.heldLength + own;
  }

  get isFull(): boolean {
    return this.#stage === 'asking' || this.#isOver(1);
  }

  #isOver(times: number): boolean {
    const { size } = this.#outstanding;
    return (
      size >= times * OUTSTANDING_MAX || this.#answers.length >= times * ANSWERS_MAX || this.#paths >= times * PATHS_MAX
    );
  }

  client(bytes: Buffer): Guarded {
    this.#forward = [];
    if (this.#ended === null) this.#client.push(bytes);
    if (this.#isOver(2)) this.#end('The client sent too many requests without waiting for answers');
    return this.#outcome(this.#forward, this.#target.isBetween ? this.#due() : []);
  }

  target(bytes: Buffer): Guarded {
    const forward: Buffer[] = [];
    let at = 0;
    while (at < bytes.length && this.#ended === null) {
      // As far as an answer of ours is due: then it comes before the rest. Or as an answer to us does.
      const isWhole = this.#answers.length === 0 && this.#stage === 'open';
      const end = isWhole ? bytes.length : this.#nextEnd(bytes, at);
      const isForClient = this.#stage !== 'asking';
      this.#target.push(bytes.subarray(at, end));
      if (this.#ended !== null) break;
      if (isForClient) forward.push(bytes.subarray(at, end));
      if (this.#target.isBetween) forward.push(...this.#due());
      at = end;
    }
    return this.#outcome(forward, []);
  }

  /** Where the packet that stands at this place ends, or the slice. */
  #nextEnd(bytes: Buffer, at: number): number {
    return Math.min(bytes.length, at + this.#target.untilNext(bytes, at));
  }

  #outcome(forward: Buffer[], answer: Buffer[]): Guarded {
    return this.#ended === null ? { forward, answer, ended: null } : { forward: [], answer: [], ended: this.#ended };
  }

  #due(): Buffer[] {
    const due: Buffer[] = [];
    for (let next = this.#answers[0]; next && next.after <= this.#answered; next = this.#answers[0]) {
      due.push(next.bytes);
      this.#paths -= next.cost;
      this.#answers.shift();
    }
    return due;
  }

  #end(sentence: string): void {
    this.#ended ??= sentence;
  }

  #request(head: Buffer): void {
    if (this.#ended !== null) return;
    if (this.#stage !== 'open') {
      // What follows would mean something else in another version, so the target says first which it is.
      if (this.#stage === 'greeted' || head[0] !== FXP.INIT || head.length !== 5) {
        return void this.#end('The client did not start SFTP by sending its version and waiting for the target');
      }
      this.#stage = 'greeted';
      this.#pass(head);
      if (this.#within.areBounded) this.#forward.push(ASK_FOR_START);
      return;
    }
    const request = readRequest(head);
    if (!request) return void this.#end('The client sent an SFTP request that cannot be read');
    const verdict = this.#verdict(request);
    this.#isDropping = verdict !== null;
    if (verdict) return void this.#refuse(request, verdict.status, verdict.why);
    if (this.#outstanding.has(request.id)) return void this.#end('The client gave two SFTP requests the same number');
    const cost = costOf(request);
    this.#outstanding.set(request.id, { kind: request.kind, cost });
    this.#paths += cost;
    if (opens(request)) this.#files += 1;
    this.#sent += 1;
    this.#pass(head);
  }

  #verdict(request: Request): RequestVerdict {
    const verdict = judge(request, this.#rights, this.#within);
    if (verdict || !opens(request) || this.#files < FILES_MAX) return verdict;
    return { status: FX.FAILURE, why: `more than ${FILES_MAX} open files at a time` };
  }

  /** The head may stand in a buffer that is used again, and its length was taken off. */
  #pass(head: Buffer): void {
    const contentLength = head[0] === FXP.WRITE ? head.readUInt32BE(head.length - 4) : 0;
    const packet = Buffer.allocUnsafe(4 + head.length);
    packet.writeUInt32BE(head.length + contentLength, 0);
    head.copy(packet, 4);
    this.#forward.push(packet);
  }

  #refuse(request: Request, status: number, why: string): void {
    const path = request.paths.map((each) => plainLine(each.toString('utf8')).slice(0, PATH_SHOWN)).join(' and ');
    const what = `${request.extension ?? request.kind}${path === '' ? '' : ` ${path}`}`;
    this.#refused(plainLine(`sftp: ${what} was refused: ${why}`));
    const sentence = `Daypass refused this: ${why}. If you need it, request another scope in Slack.`;
    const body = encode(uint8(FXP_REPLY.STATUS), uint32(request.id), uint32(status), string(sentence), string('en'));
    const cost = costOf(request);
    this.#paths += cost;
    this.#answers.push({ after: this.#sent, bytes: Buffer.from(string(body)), cost });
  }

  #reply(head: Buffer): void {
    if (this.#ended !== null) return;
    const fields = new Fields(head, 1);
    const id = fields.uint32();
    if (this.#stage === 'asking') return void this.#toldStart(head[0], id, fields);
    if (this.#stage !== 'open') {
      if (this.#stage !== 'greeted' || head[0] !== FXP.VERSION) {
        return void this.#end('The target did not start SFTP with its version');
      }
      if (id !== SFTP_VERSION)
        return void this.#end(`The target speaks SFTP version ${id}, and scopes are enforced in version 3`);
      this.#stage = this.#within.areBounded ? 'asking' : 'open';
      return;
    }
    const request = this.#outstanding.get(id);
    if (!request) return void this.#end('The target answered an SFTP request that nobody made');
    this.#outstanding.delete(id);
    this.#answered += 1;
    this.#paths -= request.cost;
    if (opens(request) && head[0] !== FXP_REPLY.HANDLE) this.#files -= 1;
    const isDone = head[0] === FXP_REPLY.STATUS && fields.uint32() === FX.OK && fields.ok;
    if (request.kind === 'close' && isDone) this.#files -= 1;
  }

  /** Where it does not say, relative paths are refused. */
  #toldStart(type: number | undefined, id: number, fields: Fields): void {
    if (id !== START_ID) return void this.#end('The target answered an SFTP request that nobody made');
    this.#stage = 'open';
    if (type !== FXP_REPLY.NAME || fields.uint32() !== 1) return;
    const folder = fields.string();
    if (fields.ok) this.#within.startsIn(folder);
  }
}

const opens = ({ kind }: Pick<Request, 'kind'>): boolean => kind === 'open' || kind === 'opendir';

/** Paths are shown in the log, and those that are not UTF-8 in hex as well. */
const costOf = ({ paths }: Request): number =>
  paths.reduce((sum, path) => sum + 3 * Math.min(path.length, PATH_MAX), paths.length > 0 ? 200 : 0);
