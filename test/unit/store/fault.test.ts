import { describe, expect, it } from 'vitest';
import { databaseFault, StoreFault } from '../../../src/store/fault.ts';

const refusal = (code: string): Error => Object.assign(new Error('no'), { severity: 'ERROR', code });

describe('a fault of the database', () => {
  it.each([
    ['40P01', 'deadlock'],
    ['40001', 'serialization_failure'],
    ['55P03', 'timeout'],
    ['57014', 'timeout'],
    ['23505', 'unique_violation'],
    ['23503', 'integrity_violation'],
    ['57P01', 'database_away'],
    ['08006', 'database_away'],
    ['53300', 'database_away'],
    ['25P02', 'transaction_aborted'],
    ['42601', 'database_error'],
  ])('with the SQL state %s is called %s', (sqlState, code) => {
    expect(databaseFault(refusal(sqlState))).toMatchObject({ code, sqlState, cause: { code: sqlState } });
  });

  it('without a SQL state is the connection, and says what each address answered', () => {
    const refused = new AggregateError([
      new Error('connect ECONNREFUSED ::1'),
      new Error('connect ECONNREFUSED 127.0.0.1'),
    ]);
    const fault = databaseFault(refused);
    expect(fault.code).toBe('database_away');
    expect(fault.message).toMatch(/::1; connect ECONNREFUSED 127\.0\.0\.1\. Check that PostgreSQL is running/);
  });

  it('that PgBouncer words says that it cannot stand in between', () => {
    const refused = Object.assign(new Error('unsupported startup parameter: statement_timeout'), {
      ...{ severity: 'FATAL', code: '08P01' },
    });
    expect(databaseFault(refused)).toMatchObject({
      code: 'pooled',
      message: expect.stringMatching(/PgBouncer.*LISTEN.*Connect to PostgreSQL itself/),
    });
  });

  it('that is a fault already stays as it is', () => {
    const fault = new StoreFault('corrupt_row', 'a row');
    expect(databaseFault(fault)).toBe(fault);
  });
});
