import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runOk } from '../../support/peers/processes.ts';
import { hostileText, runs } from '../../support/samples/hostile-text.ts';

const LOG = pathToFileURL(fileURLToPath(new URL('../../../src/log.ts', import.meta.url))).href;

/** Logs each text as a field and as the message of an error, as a process of its own does. */
const PROGRAM = `
  import { createLog } from ${JSON.stringify(LOG)};
  const log = createLog('info');
  let input = '';
  for await (const text of process.stdin.setEncoding('utf8')) input += text;
  for (const text of JSON.parse(input)) log.info({ text, err: new Error(text) }, 'said');
`;

const lines = async (texts: readonly string[]): Promise<string[]> => {
  const args = ['--import', 'tsx', '--input-type=module', '-e', PROGRAM];
  const output = await runOk(process.execPath, args, { stdin: JSON.stringify(texts) });
  return output.split('\n').slice(0, -1);
};

describe('the log', () => {
  it('is one line of JSON for each event, without any control character, whatever others made us write', async () => {
    const texts = [
      'bye\r\n{"level":50,"msg":"ready"}',
      '\u001b]0;title\u0007\u009b31m\u007f\u0085\u2028\u202e\u2066',
      ...fc.sample(hostileText(), runs(300)),
    ].map((text) => Buffer.from(text).toString());
    const logged = await lines(texts);
    expect(logged).toHaveLength(texts.length);
    for (const [n, line] of logged.entries()) {
      expect(line).not.toMatch(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u);
      expect(JSON.parse(line)).toMatchObject({ msg: 'said', text: texts[n], err: { message: texts[n] } });
    }
  });
});
