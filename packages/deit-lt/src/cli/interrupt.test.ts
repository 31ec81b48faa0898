/** Signals that ask a command to stop. Emitted, not sent: a test that fails must not end the test runner. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { listenForInterrupt } from './interrupt.js';

/** Listens, with `process.exit` recorded and a clock that the test moves. */
function listening(t: TestContext) {
  const exits: unknown[] = [];
  const clock = { ms: 0 };
  t.mock.method(process, 'exit', (code: unknown) => void exits.push(code));
  t.mock.method(performance, 'now', () => clock.ms);
  const notes: string[] = [];
  const interruption = listenForInterrupt((text) => notes.push(text));
  t.after(() => interruption.stop());
  return { interruption, notes, exits, clock };
}

suite('listenForInterrupt()', () => {
  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    test(`asks to stop at ${name}, whose exit code is ${code}`, (t) => {
      const { interruption, notes, exits } = listening(t);
      assert.equal(interruption.exitCode(), undefined);
      process.emit(name);
      assert.ok(interruption.signal.aborted);
      assert.equal(interruption.exitCode(), code);
      assert.equal(notes.length, 1);
      assert.deepEqual(exits, []);
    });

  test('quits at once at a second Ctrl-C, but not at a copy of the first one', (t) => {
    const { exits, clock, notes } = listening(t);
    process.emit('SIGINT');
    clock.ms = 20;
    process.emit('SIGINT');
    assert.deepEqual(exits, []);
    clock.ms = 1000;
    process.emit('SIGINT');
    assert.deepEqual(exits, [130]);
    assert.equal(notes.length, 1);
  });

  test('saves although the terminal hangs up twice', (t) => {
    const { exits, clock } = listening(t);
    process.emit('SIGHUP');
    clock.ms = 5000;
    process.emit('SIGHUP');
    assert.deepEqual(exits, []);
    process.emit('SIGTERM');
    assert.deepEqual(exits, [143]);
  });
});
