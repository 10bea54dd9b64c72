// Stands where OpenSSH's tools expect ssh: its stdin and stdout are a Unix socket, named in the environment.
import { connect } from 'node:net';

const socket = connect({ path: process.env.DAYPASS_TEST_SOCKET, allowHalfOpen: true });
// What was to be run, for programs that take an ssh.
socket.write(`${JSON.stringify(process.argv.slice(2))}\n`);
process.stdin.pipe(socket);
socket.pipe(process.stdout);
socket.on('error', () => process.exit(1));
// As ssh does once the remote program has ended, whatever its stdin.
process.stdout.on('finish', () => process.exit(0));
socket.on('end', () => process.stdout.end(() => process.exit(0)));
