#!/usr/bin/env bash
# ssh2 1.17.0: about one in 256 ed25519 keys made by utils.generateKeyPairSync is 31 bytes long instead of 32. Zero bytes at the
# beginning of a public key are cut off (RFC 8709 §4 requires all 32 octets). Neither ssh2's parseKey nor OpenSSH can read such a key.
# Seen: `ssh2 1.17.0: 13 of 3000 public keys are shorter than 32 bytes; parseKey refuses 13 of them: Malformed OpenSSH private key`
# Exits 0 while this is still so, 1 once it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund --ignore-scripts ssh2@1.17.0 > /dev/null
node - <<'JS'
const { utils } = require('ssh2');
const { version } = require('ssh2/package.json');
const ROUNDS = 3000;
let short = 0;
const refused = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const pair = utils.generateKeyPairSync('ed25519');
  const blob = Buffer.from(pair.public.split(' ')[1], 'base64');
  // string "ssh-ed25519", string key: the length of the key comes after the first 4 + 11 bytes.
  if (blob.readUInt32BE(15) === 32) continue;
  short += 1;
  const parsed = utils.parseKey(pair.private);
  if (parsed instanceof Error) refused.push(parsed.message);
}
const why = [...new Set(refused)].join('; ');
console.log(`ssh2 ${version}: ${short} of ${ROUNDS} public keys are shorter than 32 bytes; parseKey refuses ${refused.length} of them: ${why}`);
process.exit(short > 0 && refused.length === short ? 0 : 1);
JS
