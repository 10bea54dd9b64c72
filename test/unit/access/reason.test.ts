import { describe, expect, it } from 'vitest';
import { hasSubstance } from '../../../src/access/reason.ts';

describe('a reason', () => {
  it.each([
    'Move the order database',
    'Rotate the logs',
    'deploy 2.4.1',
    'OPS-1042: rebuild the search index',
    'need access to restore a backup',
    'ログを確認',
    '데이터베이스 이전',
    'Настроить репликацию',
    'Überwachung einrichten',
  ])('says something: %s', (reason) => {
    expect(hasSubstance(reason)).toBe(true);
  });

  it.each([
    '.',
    '...',
    '',
    'x',
    'xxxxxx',
    'need access',
    'Need  ACCESS!!',
    'I need to log in to the server, please',
    'work',
    'as discussed'.slice(0, 2),
    '1234',
    '😀',
    'ＮＥＥＤ　ａｃｃｅｓｓ',
    "it's urgent, thanks",
    'pls asap',
  ])('says nothing: %s', (reason) => {
    expect(hasSubstance(reason)).toBe(false);
  });
});
