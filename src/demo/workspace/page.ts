import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('../page/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Scripts and styles from here only, nothing inline: a message that got markup into the page could still not run it. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

const TERMINAL = '/page/xterm-headless.js';

/** The terminal emulator that replays recordings: a CommonJS bundle, as a module. */
async function terminal(): Promise<string> {
  const bundle = await readFile(createRequire(import.meta.url).resolve('@xterm/headless'), 'utf8');
  return `const exports = {};\n${bundle}\nexport const { Terminal } = exports;\n`;
}

/** The page's own files; false for any other path. */
export async function servePage(path: string, response: ServerResponse): Promise<boolean> {
  const name = path === '/' ? 'index.html' : (/^\/page\/([a-z-]+\.(?:js|css|svg))$/.exec(path)?.[1] ?? null);
  const type = name === null ? undefined : TYPES[extname(name)];
  if (name === null || type === undefined) return false;
  try {
    const content = path === TERMINAL ? await terminal() : await readFile(fileURLToPath(new URL(name, FOLDER)));
    response.writeHead(200, { ...HEADERS, 'content-type': type }).end(content);
    return true;
  } catch (error) {
    if (['ENOENT', 'MODULE_NOT_FOUND'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
