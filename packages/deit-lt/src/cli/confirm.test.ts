import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { suite, test } from 'node:test';
import { canAsk, requireYes } from './confirm.js';

function terminal() {
  const [input, output] = [new PassThrough(), new PassThrough()].map((stream) =>
    Object.assign(stream, { isTTY: true }),
  );
  return { input: input!, output: output!, env: {}, signal: new AbortController().signal };
}

suite('canAsk()', () => {
  test('needs a terminal on both sides, and no CI', () => {
    const { input, output } = terminal();
    const pipe = new PassThrough();
    assert.equal(canAsk({ input, output, env: {} }), true);
    assert.equal(canAsk({ input: pipe, output, env: {} }), false);
    assert.equal(canAsk({ input, output: pipe, env: {} }), false);
    assert.equal(canAsk({ input, output, env: { CI: 'true' } }), false);
  });
});

suite('requireYes()', () => {
  const answered = async (text: string): Promise<string> => {
    const asking = terminal();
    asking.input.write(text);
    await requireYes('Start?', 'not started', asking);
    return String(asking.output.read());
  };

  test('takes an empty line and a yes', async () => {
    for (const text of ['\n', 'y\n', ' YES \n']) assert.equal(await answered(text), 'Start? [Y/n] ');
  });

  test('refuses every other answer', async () => {
    for (const text of ['n\n', 'no\n', 'what?\n'])
      await assert.rejects(answered(text), { code: 'INTERRUPTED', message: 'not started' });
  });

  test('takes the end of the input for a no, and ends with the signal', async () => {
    const ended = terminal();
    ended.input.end();
    await assert.rejects(requireYes('Start?', 'not started', ended), { code: 'INTERRUPTED' });
    const stop = new AbortController();
    const stopped = requireYes('Start?', 'not started', { ...terminal(), signal: stop.signal });
    stop.abort(new Error('Ctrl-C'));
    await assert.rejects(stopped, { message: 'Ctrl-C' });
  });
});
