'use strict';
/* Runs before anything is loaded, on whatever Node.js there is: ECMAScript 2015 alone, and no modules of ours. */

const NEEDED = [20, 19];

/** What to say where this version will not do; null where it will. */
function refusal(version) {
  const parts = version.split('.').map(Number);
  const isEnough = parts[0] > NEEDED[0] || (parts[0] === NEEDED[0] && parts[1] >= NEEDED[1]);
  return isEnough
    ? null
    : `Daypass needs Node.js ${NEEDED.join('.')} or newer, but this is ${version}. Get a newer one from https://nodejs.org.`;
}

module.exports = refusal;

const said = refusal(process.versions.node);
if (said !== null) {
  process.stderr.write(`${said}\n`);
  process.exit(2);
}
