import { takeCoverage } from 'node:v8';

// A gateway worker whose coverage is measured. A worker ends by SIGKILL, at which Node.js writes none.
setInterval(takeCoverage, 500).unref();
await import('../../../src/gateway/worker/worker.ts');
