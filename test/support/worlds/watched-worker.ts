import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

// A gateway worker that a test can hang, whose wall clock it can move, and that says how late its event loop was; see watched-host.ts.
const [, , file = ''] = process.argv;
const lag = monitorEventLoopDelay({ resolution: 5 });
lag.enable();
process.on('SIGUSR2', () => {
  for (;;);
});
const HELD_UP_MS = 2_000;
process.on('SIGALRM', () => {
  for (const begun = performance.now(); performance.now() - begun < HELD_UP_MS; );
});
process.on('SIGHUP', () => {
  // The histogram counts from one look to the next, and so has its own resolution in it.
  writeFileSync(file, JSON.stringify({ p99: lag.percentile(99) / 1e6 - 5, max: lag.max / 1e6 - 5 }));
  lag.reset();
});
const HOUR = 3_600_000;
const clock = Date.now;
let jumped = 0;
Date.now = () => clock() + jumped;
process.on('SIGWINCH', () => {
  jumped -= HOUR;
});
process.on('SIGIO', () => {
  jumped += HOUR;
});
await import('../../../src/gateway/worker/worker.ts');
