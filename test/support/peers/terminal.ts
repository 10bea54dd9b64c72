import { type IPty, spawn } from '@lydell/node-pty';

/** A program on a terminal of its own, as a person sits at one. */
export class Terminal implements Disposable {
  readonly #pty: IPty;
  #text = '';
  #exit: { readonly code: number } | null = null;
  readonly #waiting = new Set<() => void>();

  constructor(program: string, args: readonly string[], size: { columns: number; rows: number }) {
    this.#pty = spawn(program, [...args], {
      name: 'xterm-256color',
      cols: size.columns,
      rows: size.rows,
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', LC_ALL: 'C.UTF-8' },
      encoding: 'utf8',
    });
    this.#pty.onData((text) => {
      this.#text += text;
      this.#look();
    });
    this.#pty.onExit(({ exitCode }) => {
      this.#exit = { code: exitCode };
      this.#look();
    });
  }

  get text(): string {
    return this.#text;
  }

  get pid(): number {
    return this.#pty.pid;
  }

  /** What was shown so far is not looked at again. */
  forget(): void {
    this.#text = '';
  }

  type(text: string): void {
    this.#pty.write(text);
  }

  resize(columns: number, rows: number): void {
    this.#pty.resize(columns, rows);
  }

  /** Resolves once the screen has shown this. */
  shows(pattern: RegExp, withinMs = 20_000): Promise<void> {
    return this.#until(() => pattern.test(this.#text), `show ${pattern}`, withinMs);
  }

  async exited(withinMs = 20_000): Promise<number> {
    await this.#until(() => this.#exit !== null, 'exit', withinMs);
    return this.#exit?.code ?? -1;
  }

  [Symbol.dispose](): void {
    if (!this.#exit) this.#pty.kill('SIGKILL');
  }

  #until(isSo: () => boolean, what: string, withinMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`the terminal did not ${what}: ${JSON.stringify(this.#text.slice(-2_000))}`));
      }, withinMs);
      const look = (): void => {
        if (!isSo()) return;
        clearTimeout(late);
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }
}
