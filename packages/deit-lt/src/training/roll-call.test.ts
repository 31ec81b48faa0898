import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { lostMessage } from './roll-call.js';

suite('lostMessage()', () => {
  const facts = { reached: true, rank: 0, message: 'connection closed', timeout: 60 };
  const messageOf = (answers: readonly (string | null)[], more: object = {}): string =>
    lostMessage({ ...facts, answers, ...more });
  const advice =
    'If a checkpoint was saved, the same command with --resume continues from it, also with another number of processes.';

  test('names the processes that do not answer', () => {
    assert.equal(
      messageOf(['lost', null]),
      `process 1 of 2 (from 0) does not answer: it ended, hangs, or its machine cannot be reached; look at its output. ${advice}`,
    );
    assert.match(
      messageOf(['lost', null, 'lost', null]),
      /^processes 1 and 3 of 4 \(from 0\) do not answer: they ended/,
    );
  });

  test('says how long the others waited', () => {
    const message = 'allGather() on rank 0 of 2: another rank did not take part within 60 s';
    assert.match(messageOf(['lost', null], { message }), /The others waited 60 s for it \(DEIT_LT_PROCESS_TIMEOUT\)\./);
  });

  test('gives the reason that a process left', () => {
    assert.match(
      messageOf(['lost', 'failed: no such image', null]),
      /^process 1 of 3 \(from 0\) failed: no such image/,
    );
  });

  test('names process 0 where its server does not reply', () => {
    assert.match(
      messageOf([null, null], { reached: false, rank: 1 }),
      /^process 0 of 2 \(from 0\), or torchrun on its/,
    );
    assert.match(messageOf([null, null], { reached: false }), /^the server where the processes meet \(MASTER_ADDR\)/);
  });

  test('says that the connection broke when all answer, or which was late', () => {
    assert.match(
      messageOf(['lost', 'lost']),
      /^the 2 processes lost each other, though all of them run: the connection between them broke\. If/,
    );
    const message = 'allGather() on rank 1 of 3: another rank did not take part within 60 s';
    assert.match(
      messageOf(['lost', 'waited', 'waited'], { message, rank: 1 }),
      /all of them run: process 0 of 3 \(from 0\) took longer than 60 s for its part\. Raise DEIT_LT_PROCESS_TIMEOUT above/,
    );
    assert.match(
      messageOf(['waited', 'waited'], { message }),
      /all of them run: one took longer than 60 s for its part/,
    );
  });
});
