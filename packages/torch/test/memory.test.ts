import assert from 'node:assert/strict';
import { beforeEach, suite, test } from 'node:test';
import { native } from '../src/binding/addon.js';
import * as torch from '../src/index.js';
import { collect } from './helpers/collect.js';
import { settledLiveTensors } from './helpers/live-tensors.js';

const disposed = (message: RegExp) => ({ name: 'TorchError', code: 'DISPOSED', message });

let before = 0;
beforeEach(() => {
  before = settledLiveTensors();
});

suite('torch.tidy()', () => {
  test('releases what was made inside, but for what it returns', () => {
    let inside: torch.Tensor[] = [];
    const result = torch.tidy(() => {
      inside = [torch.ones(2), torch.ones(2).add(1)];
      return inside[1]!.mul(3);
    });
    assert.deepEqual(result.toArray(), [6, 6]);
    assert.deepEqual(
      inside.map((tensor) => tensor.isAlive),
      [false, false],
    );
    result.dispose();
    assert.equal(settledLiveTensors(), before);
  });

  test('keeps tensors in arrays, objects, Maps and Sets, at any depth and in circles', () => {
    interface Deep {
      next?: Deep;
      tensor?: torch.Tensor;
    }
    const result = torch.tidy(() => {
      const circle: { self?: unknown; tensor: torch.Tensor } = { tensor: torch.ones(1) };
      circle.self = circle;
      const deep: Deep = {};
      let end = deep;
      for (let i = 0; i < 50; i++) end = end.next = {};
      end.tensor = torch.ones(1);
      const wide = { shared: torch.ones(1), lists: [] as unknown[] };
      wide.lists = Array.from({ length: 200 }, () => wide.lists); // must not be walked 200 × 200 × … times
      return {
        list: [torch.ones(1), [torch.ones(1)]],
        map: new Map([['a', torch.ones(1)]]),
        set: new Set([torch.ones(1)]),
        circle,
        deep,
        wide,
        none: null,
        text: 'x',
        bare: Object.assign(Object.create(null) as object, { t: torch.ones(1) }),
      };
    });
    let end: Deep = result.deep;
    while (end.next) end = end.next;
    const kept = [
      result.list[0],
      (result.list[1] as torch.Tensor[])[0],
      result.map.get('a'),
      [...result.set][0],
      result.circle.tensor,
      end.tensor,
      result.wide.shared,
      (result.bare as { t: torch.Tensor }).t,
    ];
    assert.deepEqual(
      kept.map((tensor) => (tensor as torch.Tensor).isAlive),
      new Array(8).fill(true),
    );
  });

  test('nests: what an inner scope returns belongs to the outer one', () => {
    const seen: torch.Tensor[] = [];
    const result = torch.tidy(() => {
      const middle = torch.tidy(() => {
        seen.push(torch.ones(1));
        return torch.ones(1).add(1);
      });
      seen.push(middle);
      assert.deepEqual([seen[0]!.isAlive, middle.isAlive], [false, true]);
      return middle.add(1);
    });
    assert.deepEqual([seen[1]!.isAlive, result.item()], [false, 3]);
  });

  test('releases everything when the function throws, and ends scopes that it left open', () => {
    const seen: torch.Tensor[] = [];
    assert.throws(
      () =>
        torch.tidy(() => {
          seen.push(torch.ones(1));
          torch.scope();
          seen.push(torch.ones(1));
          throw new Error('boom');
        }),
      /boom/,
    );
    assert.deepEqual(
      seen.map((tensor) => tensor.isAlive),
      [false, false],
    );
    const outside = torch.ones(1);
    assert.equal(outside.owner, null);
  });

  test('releases nothing twice, and not what came from outside', () => {
    const outside = torch.ones(1);
    const result = torch.tidy(() => {
      const inner = torch.ones(1);
      inner.dispose();
      inner.dispose();
      return [outside, outside, inner];
    });
    assert.deepEqual(
      result.map((tensor) => tensor.isAlive),
      [true, true, false],
    );
    torch.tidy(() => outside.dispose());
    assert.equal(outside.isAlive, false);
  });

  test('leaves what autograd saved alive until backward has used it', () => {
    const weight = torch.ones(3, { requiresGrad: true });
    torch.tidy(() => {
      const loss = torch.tidy(() => weight.exp().mul(weight.sin()).sum());
      loss.backward();
    });
    assert.equal(weight.grad?.shape[0], 3);
  });
});

suite('torch.scope() and torch.keep()', () => {
  test('a scope ends with its block', () => {
    let inside: torch.Tensor;
    let kept: torch.Tensor;
    {
      using scope = torch.scope();
      inside = torch.ones(1);
      kept = scope.keep(inside.add(1));
    }
    assert.deepEqual([inside.isAlive, kept.isAlive, kept.item()], [false, true, 2]);
  });

  test('keep lets a tensor outlive all scopes, scope.keep lets it outlive that one', () => {
    let forever!: torch.Tensor;
    let middle!: torch.Tensor;
    let fromInner!: torch.Tensor;
    torch.tidy(() => {
      using outer = torch.scope();
      torch.tidy(() => {
        forever = torch.keep(torch.ones(1));
        fromInner = outer.keep(torch.ones(1));
        torch.keep(forever);
      });
      outer.end();
      middle = torch.ones(1);
      assert.deepEqual([forever.isAlive, fromInner.isAlive], [true, true]);
    });
    assert.deepEqual([forever.isAlive, middle.isAlive, fromInner.isAlive], [true, false, false]);
  });

  test('using releases a single tensor at the end of its block', () => {
    let seen: torch.Tensor;
    {
      using tensor = torch.ones(1);
      seen = tensor;
    }
    assert.throws(() => seen.add(1), disposed(/made by aten::ones, was released by dispose\(\)/));
  });

  test('that end out of order say so, take the inner ones along, and leave no scope open', () => {
    const outer = torch.scope();
    const inner = torch.scope();
    const tensor = torch.ones(1);
    assert.throws(() => outer.end(), {
      name: 'TorchError',
      message: /a scope ended while 1 opened later was still open; scopes must nest/,
    });
    assert.equal(tensor.isAlive, false);
    inner.end();
    outer.end();
    assert.equal(torch.ones(1).owner, null);
  });

  test('ending twice is harmless', () => {
    const scope = torch.scope();
    scope.end();
    const after = torch.ones(1);
    scope.end();
    scope[Symbol.dispose]();
    assert.equal(after.isAlive, true);
  });
});

suite('tensors that are gone', () => {
  test('throw on every use, with the operator that made them and how they went', () => {
    const byCall = torch.ones(2).relu();
    byCall.dispose();
    let byScope!: torch.Tensor;
    torch.tidy(() => {
      byScope = torch.ones(2).exp();
    });
    const uses: [(t: torch.Tensor) => unknown][] = [
      [(t) => t.add(1)],
      [(t) => torch.ones(2).add(t)],
      [(t) => torch.cat([torch.ones(2), t])],
      [(t) => t.shape],
      [(t) => t.dtype],
      [(t) => t.item()],
      [(t) => t.toArray()],
      [(t) => t.grad],
      [(t) => t.backward()],
      [(t) => t.index(0)],
      [(t) => torch.ones(2).index(t)],
      [(t) => t.to('float64')],
      [(t) => String(t)],
      [(t) => torch.ops.aten.add.Tensor(t, 1)],
      [(t) => torch.ops.aten.index.Tensor(torch.ones(2), [null, t])],
      [(t) => t.requiresGrad_()],
    ];
    uses.forEach(([use], i) => {
      assert.throws(() => use(byCall), disposed(/made by aten::relu, was released by dispose\(\)/), String(i));
      assert.throws(
        () => use(byScope),
        disposed(/made by aten::exp, was released at the end of its scope; return it from tidy\(\), or keep\(\) it/),
        String(i),
      );
    });
  });

  test('name the line that made them when origins are traced', () => {
    torch.traceOrigins(true);
    const tensor = torch.ones(1);
    torch.traceOrigins(false);
    tensor.dispose();
    assert.throws(() => tensor.add(1), disposed(/made by aten::ones at .*memory\.test\./));
  });

  test('can be inspected', async () => {
    const { inspect } = await import('node:util');
    const tensor = torch.ones(1);
    tensor.dispose();
    assert.match(inspect(tensor), /released, made by aten::ones/);
  });

  test('do not take their views with them', () => {
    const base = torch.arange(6).view(2, 3);
    const view = base.index(1);
    base.dispose();
    assert.deepEqual(view.toArray(), [3, 4, 5]);
  });
});

suite('memory', () => {
  test('of a million tensors without any scope stays bounded in one synchronous loop', () => {
    const x = torch.ones(256); // 1 kB
    for (let i = 0; i < 50_000; i++) x.add(1); // the heap finds its size
    const start = process.memoryUsage.rss();
    for (let i = 0; i < 1_000_000; i++) x.add(1);
    const grown = process.memoryUsage.rss() - start;
    assert.ok(grown < 150e6, `1 GB went through; resident memory grew by ${Math.round(grown / 1e6)} MB`);
  });

  test('of large tensors without any scope stays bounded', () => {
    const x = torch.ones(1 << 20); // 4 MB
    for (let i = 0; i < 20; i++) x.add(1);
    const start = process.memoryUsage.rss();
    for (let i = 0; i < 500; i++) x.add(1);
    const grown = process.memoryUsage.rss() - start;
    assert.ok(grown < 400e6, `2 GB went through; resident memory grew by ${Math.round(grown / 1e6)} MB`);
  });

  test('of a long loop in one scope with dispose stays bounded, and so does the list of the scope', () => {
    using scope = torch.scope();
    const x = torch.ones(256);
    x.add(1).dispose();
    const start = settledLiveTensors();
    for (let i = 0; i < 100_000; i++) {
      const [a, b] = [x.add(1), x.mul(2)];
      a.dispose();
      b.dispose();
    }
    assert.equal(settledLiveTensors(), start);
    assert.equal(scope.owned.length, 1);
  });

  test('that the garbage collector may free is reported to it, and taken back', () => {
    collect();
    const start = native().reportedMemory();
    const reported = () => (native().reportedMemory() - start) / 2 ** 20;
    const tensor = torch.zeros(4 << 20); // 16 MB
    assert.ok(Math.abs(reported() - 16) < 0.5);
    tensor.dispose();
    assert.ok(Math.abs(reported()) < 0.5);
    const returned = torch.tidy(() => {
      torch.zeros(4 << 20);
      assert.ok(Math.abs(reported()) < 0.5, 'a scope frees its tensors itself');
      return torch.zeros(1 << 20);
    });
    assert.ok(Math.abs(reported() - 4) < 0.5);
    returned.dispose();
    assert.ok(Math.abs(reported()) < 0.5);
  });

  test('of small views of a large tensor is not reported as that of the large one', () => {
    const large = torch.zeros(1024, 16 << 10); // 64 MB in rows of 64 kB
    collect();
    const start = native().reportedMemory();
    const views = Array.from({ length: 16 }, (_, i) => large.index(i));
    assert.ok(native().reportedMemory() - start < 2 << 20);
    assert.equal(views.length, 16);
  });

  test('of tensors that nobody holds comes back', () => {
    (() => {
      for (let i = 0; i < 1000; i++) {
        const x = torch.ones(10, { requiresGrad: true });
        x.mul(2).sum().backward();
        void [x.grad, x.index('1:'), x.unbind(), x.max(0), x.toArray(), String(x), x.T];
      }
    })();
    assert.equal(settledLiveTensors(), before);
  });
});

suite('calls that fail', () => {
  test('leave no tensors behind', () => {
    const x = torch.ones(2, 3);
    const many = torch.zeros(140_000); // more results than the words hold
    const fails: (() => unknown)[] = [
      () => x.mm(x),
      () => x.view(7),
      () => x.add('x' as unknown as number),
      () => torch.cat([x, 1 as unknown as torch.Tensor]),
      () => torch.tensor([1], { dtype: 'x' as 'float32' }),
      () => torch.tensor([1], { dtype: 'int64', requiresGrad: true }),
      () => x.to('nowhere'),
      () => x.index(9),
      () => x.index([9]),
      () => x.index([0], 'oops'),
      () => x.indexPut_([0], torch.ones(7)),
      () => torch.zeros([2 ** 50]),
      () => torch.ones(2, { dtype: 'int64' }).requiresGrad_(),
      () => x.sum().backward(),
      () => torch.autograd.grad(x.sum(), [x]),
      () => x.topk(9),
      () =>
        torch.tidy(() => {
          torch.ones(1);
          throw new Error('boom');
        }),
      () => torch.noGrad(() => x.mm(x)),
      () => torch.ops.aten.complex.default(x, x).sum().item(),
      () => {
        x.grad = torch.ones(7);
      },
      () => torch.setRngState(torch.zeros(3, { dtype: 'uint8' })),
      () => torch.fromTypedArray(new Float32Array(3), [2]),
    ];
    for (const [i, fail] of fails.entries()) assert.throws(fail, Error, String(i));
    const start = settledLiveTensors();
    for (let round = 0; round < 500; round++)
      for (const fail of fails)
        try {
          fail();
        } catch {}
    assert.equal(settledLiveTensors(), start, `${500 * fails.length} failing calls`);
    for (let round = 0; round < 10; round++) assert.throws(() => many.unbind(), /too many values/);
    assert.equal(settledLiveTensors(), start, 'results that do not fit');
  });

  test('for too many tensors leave none behind', () => {
    const start = settledLiveTensors();
    const many = Array.from({ length: 131_000 }, () => torch.ones(1));
    assert.throws(() => torch.ops.aten.broadcast_tensors.default([...many, ...many]), /too many/);
    for (const tensor of many) tensor.dispose();
    many.length = 0;
    assert.equal(settledLiveTensors(), start);
  });
});
