import { GatewayWorld } from './support/gateway-world.ts';
import { run, runOk } from './support/processes.ts';
import { writeFileSync } from 'node:fs';
const w = await GatewayWorld.start();
const { certificate } = (() => { const a = w.control.authority; return a.issueUpstream(Buffer.from(w.person.line.split(' ')[1]!, 'base64'), { keyId: 'x', principals: [`${w.login}@web-01`], validAfter: new Date(Date.now()-60000), validBefore: new Date(Date.now()+200000), criticalOptions: {}, extensions: ['permit-port-forwarding','permit-pty'] }); })();
writeFileSync(`${w.person.path}-up-cert.pub`, certificate + '\n');
const straight = ['-F','none','-p',String(w.sshd.port),'-o','IdentitiesOnly=yes','-o','BatchMode=yes','-o',`UserKnownHostsFile=${w.sshd.knownHosts}`,'-i',w.person.path,'-o',`CertificateFile=${w.person.path}-up-cert.pub`,'-o','IdentityAgent=none',`${w.login}@127.0.0.1`];
const jumpcfg = `${w.folder.path}/oj`; 
writeFileSync(jumpcfg, `Host j t\n HostName 127.0.0.1\n Port ${w.sshd.port}\n User ${w.login}\n IdentityFile ${w.person.path}\n CertificateFile ${w.person.path}-up-cert.pub\n IdentitiesOnly yes\n IdentityAgent none\n UserKnownHostsFile ${w.sshd.knownHosts}\n BatchMode yes\nHost t\n ProxyJump j\n`);
const MB = 300;
async function rate(label: string, args: string[], cmd: string) {
  const t = process.hrtime.bigint();
  await runOk('sh', ['-c', `"$@" > /dev/null`, 'sh', 'ssh', ...args, cmd], { timeoutMs: 60000 });
  const s = Number(process.hrtime.bigint() - t) / 1e9;
  console.log(label, cmd.slice(0, 30), (MB * 1.048576 / s).toFixed(0), 'MB/s', s.toFixed(2));
}
for (const cmd of [`yes 'some text of a program with 40 chars in it' | head -c ${MB}M`, `head -c ${MB}M /dev/zero`]) {
  for (let i = 0; i < 2; i++) {
  await rate('straight-gcm', ['-c','aes128-gcm@openssh.com',...straight], cmd);
  await rate('openssh-jump', ['-c','aes128-gcm@openssh.com','-F', jumpcfg, 't'], cmd);
  await rate('gateway direct', ['-F', w.sshConfig, 'direct'], cmd);
  await rate('gateway jump', ['-F', w.sshConfig, 'web-01'], cmd);
  }
}
async function lat(label: string, args: string[]) {
  const all: number[] = [];
  for (let i = 0; i < 10; i++) { const t = process.hrtime.bigint(); await runOk('ssh', [...args, 'true']); all.push(Number(process.hrtime.bigint() - t) / 1e6); }
  all.sort((a, b) => a - b);
  console.log('ssh true', label, all[5]!.toFixed(0), 'ms');
}
await lat('straight', straight); await lat('openssh jump', ['-F', jumpcfg, 't']); await lat('gateway direct', ['-F', w.sshConfig, 'direct']); await lat('gateway jump', ['-F', w.sshConfig, 'web-01']);
await w[Symbol.asyncDispose]();
