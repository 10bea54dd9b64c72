import type { SessionId } from '../../access/ids.ts';

/** What runs the workers and takes connections in for them: this process, or a launcher that may do more than control may. */
export type WorkerHost = AsyncDisposable & {
  /** Begins to take connections in; each goes to one of the workers that are open for them. */
  listen(): Promise<{ readonly address: string; readonly port: number }>;
  /** Takes none any more. */
  close(): void;
  /** Control let somebody in who came from there. */
  favour(remoteAddress: string): void;
  spawn(events: WorkerEvents): HostedWorker;
  /** Takes a finished recording out of the workers' reach, into control's folder. False where there is none. */
  collect(id: SessionId): Promise<boolean>;
  /** Recordings that an earlier run left with the workers. */
  left(): Promise<readonly SessionId[]>;
};

export type WorkerEvents = {
  /** Any object, and the line that it came in: it is the receiver's to check. */
  readonly message: (message: object, line: string) => void;
  /** It is handed a connection from this address. */
  readonly connection: (remoteAddress: string) => void;
  /** It said what nobody may say, and has been killed. */
  readonly broken: (why: string) => void;
  readonly exit: (how: { readonly code: number | null; readonly signal: string | null }) => void;
};

export type HostedWorker = {
  /** Known once it runs. */
  readonly pid: number | undefined;
  /** A message as JSON text. */
  send(text: string): void;
  /** It may be handed connections. */
  open(): void;
  kill(): void;
};
