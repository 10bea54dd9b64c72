import { expect, it } from 'vitest';
import { plainMessage } from '../../../src/demo/workspace/mrkdwn.ts';
import { WorkspaceState } from '../../../src/demo/workspace/state.ts';

const plain = (text: string): string => plainMessage(new WorkspaceState('B', () => 0), { text, blocks: [] });

it('code in a message stays as it is, for people who paste it; the words around it lose their marks', () => {
  const lines = "mv ~/Downloads/daypass-1* ~/.ssh/\nprintf 'Include daypass/*.conf' :tada:\n";
  expect(plain(`*Install*, :key: then:\n\`\`\`\n${lines}\`\`\`\nand \`a*b\` &lt;done&gt;`)).toBe(
    `Install, then:\n\n${lines}\nand a*b <done>`,
  );
});

it('marks that nothing closes are no code', () => {
  expect(plain('one *two* ` three')).toBe('one two  three');
});
