/** A demo whose Daypass does not start: `serve` ends at once, and everything else answers. */
import { runDemo } from '../../../src/demo/demo.ts';

const DAYPASS = `
const { argv, stdout, stderr } = process;
if (argv.includes('snippet')) stdout.write('{"files":[],"block":""}');
if (argv.includes('serve')) {
  stderr.write('nothing can be served here\\n');
  process.exitCode = 1;
}
`;

process.exitCode = await runDemo({
  ...{ cli: async () => [process.execPath, '-e', DAYPASS, '--'], tour: false, port: 0 },
  out: process.stdout,
});
