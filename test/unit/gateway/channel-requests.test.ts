import { describe, expect, it } from 'vitest';
import { commandHex, readCommand, readVariable } from '../../../src/gateway/channel-requests.ts';
import { encode, string } from '../../../src/sshwire/bytes.ts';

const LATIN = Buffer.from('echo \u00e9', 'latin1');
const data = (...fields: (string | Buffer)[]): Buffer => Buffer.from(encode(...fields.map((each) => string(each))));

describe('what a client asks for, as it is recorded', () => {
  it('has the bytes of a command that its text does not say', () => {
    expect(readCommand(data(LATIN))).toBe('echo \ufffd');
    expect(commandHex(data(LATIN))).toEqual({ commandHex: LATIN.toString('hex') });
    expect(commandHex(data('echo é'))).toEqual({});
  });

  it('has the bytes of a value that its text does not say', () => {
    expect(readVariable(data('LC_X', LATIN))).toEqual({
      ...{ name: 'LC_X', value: 'echo \ufffd', valueHex: LATIN.toString('hex') },
    });
    expect(readVariable(data('LC_X', 'é'))).toEqual({ name: 'LC_X', value: 'é' });
  });
});
