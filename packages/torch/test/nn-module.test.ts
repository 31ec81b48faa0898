/** `nn.Module`: what it finds, how it names it, modes, hooks, conversion and memory. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { inspect } from 'node:util';
import { native } from '../src/binding/addon.js';
import * as torch from '../src/index.js';
import { settledLiveTensors } from './helpers/live-tensors.js';
import { Net } from './helpers/nested-module.js';

const { nn } = torch;

suite('nn.Parameter', () => {
  test('is a Tensor, a leaf that requires a gradient, over the same memory', () => {
    const data = torch.ones([2]);
    const parameter = new nn.Parameter(data);
    assert.ok(parameter instanceof torch.Tensor && parameter instanceof nn.Parameter);
    assert.deepEqual([parameter.isLeaf, parameter.requiresGrad, data.requiresGrad], [true, true, false]);
    data.fill_(3);
    assert.deepEqual(parameter.toArray(), [3, 3]);
    assert.match(inspect(parameter), /^Parameter containing:\ntensor\(\[3\., 3\.\]/);
  });

  test('is detached from how its data was computed', () => {
    const source = torch.ones([2], { requiresGrad: true });
    const parameter = new nn.Parameter(source.mul(2));
    parameter.sum().backward();
    assert.deepEqual([parameter.isLeaf, parameter.grad?.toArray(), source.grad], [true, [1, 1], null]);
  });

  test('outlives the scope that it was made in, as buffers do', () => {
    const norm = torch.tidy(() => {
      const made = new nn.BatchNorm1d(2);
      return { made }.made;
    });
    assert.ok(
      norm.stateDict().size === 5 && [...norm.parameters(), ...norm.buffers()].every((tensor) => tensor.isAlive),
    );
  });

  test('takes no integers unless it needs no gradient', () => {
    assert.throws(() => new nn.Parameter(torch.arange(3)), /only floating point tensors can have gradients/);
    assert.equal(new nn.Parameter(torch.arange(3), { requiresGrad: false }).requiresGrad, false);
  });
});

suite('nn.Module finds parameters, buffers and modules', () => {
  test('by properties in camelCase; names that no property spells by registration', () => {
    class Named extends nn.Module {
      readonly numBatchesTracked = new nn.Parameter(torch.zeros([1]));
      readonly projQKV = new nn.Parameter(torch.zeros([1]));
      readonly layer1Conv2 = new nn.Parameter(torch.zeros([1]));
      readonly already_snake = new nn.Parameter(torch.zeros([1]));
      readonly kept = this.registerParameter('Odd_Name', new nn.Parameter(torch.zeros([1])));
      readonly plain = torch.zeros([1]);
      readonly list = [new nn.Linear(1, 1)];
      readonly none = null;
      constructor() {
        super();
        this.registerModule('0', new nn.Identity());
      }
      forward(x: torch.Tensor): torch.Tensor {
        return x;
      }
    }
    const named = new Named();
    assert.deepEqual(
      named.namedParameters().map(([name]) => name),
      ['num_batches_tracked', 'proj_qkv', 'layer1_conv2', 'already_snake', 'Odd_Name'],
    );
    assert.deepEqual(
      named.namedChildren().map(([name]) => name),
      ['0'],
    );
    assert.deepEqual(named.namedParameters('a.b')[0]?.[0], 'a.b.num_batches_tracked');
  });

  test('a shared parameter or module once; the state dict has it under both names', () => {
    class Tied extends nn.Module {
      readonly first = new nn.Linear(2, 2);
      readonly second = this.first;
      readonly weight = this.first.weight;
      forward(x: torch.Tensor): torch.Tensor {
        return x;
      }
    }
    const tied = new Tied();
    assert.deepEqual(
      tied.namedParameters().map(([name]) => name),
      ['weight', 'first.bias'],
    );
    assert.equal(tied.modules().length, 2);
    assert.deepEqual(
      [...tied.stateDict().keys()],
      ['weight', 'first.weight', 'first.bias', 'second.weight', 'second.bias'],
    );
    assert.equal(tied.parameterCount(), 6);
  });

  test('names must have no dots, and registered values the right class', () => {
    const linear = new nn.Linear(1, 1);
    assert.throws(() => linear.registerBuffer('a.b', torch.zeros([1])), /a buffer name is a string without dots/);
    assert.throws(
      () => linear.registerModule('', new nn.Identity()),
      /a module name is a string without dots that is not empty/,
    );
    assert.throws(
      () => linear.registerParameter('p', torch.zeros([1]) as torch.nn.Parameter),
      /p must be a Parameter, got a Tensor/,
    );
  });
});

suite('nn.Module modes', () => {
  test('train() and eval() reach modules in lists and sequences', () => {
    const net = new Net().eval();
    assert.ok(net.modules().every((module) => !module.training));
    assert.equal(net.train().blocks.at(1).act.training, true);
    assert.equal(net.train(false).head.at(0).training, false);
  });

  test('requiresGrad_() and zeroGrad()', () => {
    const linear = new nn.Linear(2, 1).requiresGrad_(false);
    assert.deepEqual([linear.parameterCount(), linear.parameterCount({ trainableOnly: true })], [3, 0]);
    linear
      .requiresGrad_()
      .call(torch.ones([1, 2]))
      .sum()
      .backward();
    linear.zeroGrad({ setToNone: false });
    assert.deepEqual(linear.weight.grad?.toArray(), [[0, 0]]);
    linear.zeroGrad();
    assert.equal(linear.weight.grad, null);
  });

  test('apply() visits children first, and itself last', () => {
    const seen: string[] = [];
    new nn.Sequential(new nn.ReLU(), new nn.ModuleList([new nn.Identity()])).apply((module) =>
      seen.push(module.constructor.name),
    );
    assert.deepEqual(seen, ['ReLU', 'Identity', 'ModuleList', 'Sequential']);
  });
});

suite('nn.Module.to()', () => {
  test('converts floating point in place: the same objects, gradients too, integers untouched', () => {
    const net = new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3));
    const before = [...net.parameters(), ...net.buffers()];
    net
      .call(torch.randn([4, 2]))
      .sum()
      .backward();
    assert.equal(net.to('float64'), net);
    const parameters = net.parameters();
    assert.deepEqual(
      [...parameters, ...net.buffers()].map((tensor, i) => tensor === before[i]),
      before.map(() => true),
    );
    assert.ok(
      parameters.every(
        (parameter) =>
          parameter.dtype === 'float64' &&
          parameter.grad?.dtype === 'float64' &&
          parameter.isLeaf &&
          parameter.requiresGrad,
      ),
    );
    assert.deepEqual(
      net.buffers().map((buffer) => buffer.dtype),
      ['float64', 'float64', 'int64'],
    );
    net
      .call(torch.randn([4, 2], { dtype: 'float64' }))
      .sum()
      .backward();
    assert.equal(net.to({ dtype: 'bfloat16', device: 'cpu' }).parameters()[0]?.dtype, 'bfloat16');
  });

  test('gives weights of four dimensions another memory format, and training continues', () => {
    const conv = new nn.Conv2d(3, 4, 3).to({ memoryFormat: 'channels_last' });
    assert.deepEqual(conv.weight.stride(), [27, 1, 9, 3]);
    conv
      .call(torch.randn([1, 3, 5, 5]))
      .sum()
      .backward();
    assert.deepEqual(conv.weight.grad?.shape, [4, 3, 3, 3]);
  });

  test('refuses an integer dtype', () => {
    assert.throws(() => new nn.Linear(1, 1).to('int64'), /only accepts floating point dtypes, got the string "int64"/);
  });
});

suite('nn.Module hooks', () => {
  test('run around forward, may replace arguments and result, and can be removed', () => {
    const linear = new nn.Linear(1, 1, { bias: false });
    linear.loadStateDict({ weight: torch.tensor([[3]]) });
    const seen: string[] = [];
    const removePre = linear.registerForwardPreHook((module, [x]) => {
      seen.push(`pre ${module.inFeatures}`);
      return [x.add(1)];
    });
    const removePost = linear.registerForwardHook((_module, [x], output) => {
      seen.push(`post ${x.toNumber()}`);
      return output.neg();
    });
    const silent = linear.registerForwardHook(() => undefined);
    assert.equal(linear.call(torch.tensor([1])).toNumber(), -6);
    assert.deepEqual(seen, ['pre 1', 'post 2']);
    removePre();
    removePost();
    silent();
    assert.equal(linear.call(torch.tensor([1])).toNumber(), 3);
  });
});

suite('nn containers', () => {
  test('Sequential takes modules or an object of them', () => {
    const named = new nn.Sequential({ conv: new nn.Conv2d(1, 1, 1), bn: new nn.BatchNorm2d(1) });
    assert.deepEqual(
      named.namedChildren().map(([name]) => name),
      ['conv', 'bn'],
    );
    assert.equal(named.at(-1).constructor.name, 'BatchNorm2d');
    assert.equal([...named].length, named.length);
    const x = torch.ones([1]);
    assert.equal(new nn.Sequential().call(x), x);
  });

  test('ModuleList has length, at(), append() and iterates, and cannot be called', () => {
    const list = new nn.ModuleList([new nn.Linear(1, 2)]);
    list.append(new nn.Linear(2, 3));
    assert.deepEqual(
      [...list].map((linear) => linear.outFeatures),
      [2, 3],
    );
    assert.equal(list.at(-1).outFeatures, 3);
    assert.throws(() => list.at(2), /index 2 is out of range for 2 modules/);
    assert.throws(() => list.call(), /missing the required "forward" function/);
  });

  test('ModuleList prints neighbours of the same text once, as PyTorch 2 does', () => {
    const list = new nn.ModuleList([new nn.ReLU(), new nn.ReLU(), new nn.Sequential(new nn.Tanh()), new nn.ReLU()]);
    const text = 'ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Sequential(\n    (0): Tanh()\n  )\n  (3): ReLU()\n)';
    assert.equal(String(list), text);
    assert.equal(String(new nn.ModuleList()), 'ModuleList()');
  });

  test('a module used twice in a sequence has both places', () => {
    const relu = new nn.ReLU();
    assert.deepEqual(
      new nn.Sequential(relu, relu).namedChildren().map(([name]) => name),
      ['0', '1'],
    );
  });
});

suite('nn.Module memory', () => {
  test('call() releases all but its result, outside of any scope', () => {
    const net = new Net().eval();
    const images = torch.randn([1, 3, 8, 8]);
    net.call(images).dispose();
    const before = settledLiveTensors();
    const atMost = (count: number): void => {
      const live = native().liveTensors(); // the collector may take what other tests left
      assert.ok(live <= count, `${live} tensors live, ${before} before`);
    };
    for (let i = 0; i < 200; i++) net.call(images).dispose();
    atMost(before);
    for (let i = 0; i < 200; i++) net.call(images);
    atMost(before + 200);
  });

  test('training steps leave nothing behind but gradients', () => {
    const net = new Net();
    const images = torch.randn([4, 3, 8, 8]);
    const step = (): void =>
      torch.tidy(() => {
        net.zeroGrad();
        net.call(images).sum().backward();
      });
    step();
    const before = settledLiveTensors();
    for (let i = 0; i < 20; i++) step();
    assert.ok(native().liveTensors() <= before);
  });

  test('dispose() releases all parameters and buffers', () => {
    const before = settledLiveTensors();
    const net = new Net();
    net.dispose();
    assert.ok(net.parameters().every((parameter) => !parameter.isAlive));
    assert.throws(() => net.call(torch.zeros([1, 3, 8, 8])), /nn\.Parameter, was released by dispose/);
    assert.ok(native().liveTensors() <= before + 8);
  });
});
