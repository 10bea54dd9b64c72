'use strict';
import('./cli.js').catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
