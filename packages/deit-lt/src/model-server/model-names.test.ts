import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder, write } from '../../test/helpers/temporary-folder.js';
import { namedModels } from './model-names.js';

suite('namedModels()', () => {
  test('takes the last part of a path that tells runs apart, or the name that is given', (t) => {
    const names = (...given: string[]): string[] => namedModels(given).map(({ name }) => name);
    assert.deepEqual(names('runs/birds', 'runs/fish/student', 'models/x.onnx', 'a.pth.tar'), [
      'birds',
      'fish',
      'x',
      'a',
    ]);
    assert.deepEqual(names('runs/b/student/checkpoints/best.safetensors'), ['b']);
    assert.deepEqual(namedModels(['one=runs/b']), [{ name: 'one', path: 'runs/b' }]);
    const odd = path.join(temporaryFolder(t), 'a=b');
    write(odd, '');
    assert.deepEqual(namedModels([odd])[0]!.path, odd);
  });

  test('refuses one name for two models, and what is not a name', () => {
    assert.throws(() => namedModels(['a/x', 'b/x']), {
      code: 'USAGE',
      message: /would both be called "x".* first=a\/x/,
    });
    assert.throws(() => namedModels(['a b=c']), { code: 'USAGE', message: /"a b" is not a name/ });
  });
});
