/** `nn.Module`: what it finds, how it names it, state dicts, modes, hooks, conversion and memory. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { inspect } from 'node:util';
import { native } from '../src/binding/addon.js';
import * as torch from '../src/index.js';
import { settledLiveTensors } from './helpers/live-tensors.js';
import { assertClose, Reference, withoutNormBias } from './reference/reference.js';

const { nn } = torch;

class Block extends nn.Module {
  readonly norm1 = new nn.LayerNorm(8);
  readonly mlpHidden: torch.nn.Linear;
  readonly act = new nn.GELU();
  readonly mlpOut: torch.nn.Linear;
  readonly gamma: torch.nn.Parameter | null = null;

  constructor(hidden: number) {
    super();
    this.mlpHidden = new nn.Linear(8, hidden);
    this.mlpOut = new nn.Linear(hidden, 8, { bias: false });
  }

  forward(x: torch.Tensor): torch.Tensor {
    return x.add(this.mlpOut.call(this.act.call(this.mlpHidden.call(this.norm1.call(x)))));
  }
}

/** Own parameters stand among the children on purpose: the state dict has them first. */
class Net extends nn.Module {
  readonly patchEmbed = new nn.Conv2d(3, 8, 4, { stride: 4 });
  readonly clsToken = new nn.Parameter(torch.zeros([1, 1, 8]));
  readonly blocks = new nn.ModuleList([new Block(16), new Block(12)]);
  readonly norm = new nn.BatchNorm1d(8);
  readonly head = new nn.Sequential(new nn.Dropout(0.1), new nn.Linear(8, 5));
  readonly posEmbed2d = new nn.Parameter(torch.randn([1, 5, 8]));
  readonly scale: torch.Tensor;
  readonly positions: torch.Tensor;

  constructor() {
    super();
    this.scale = this.registerBuffer('scale', torch.ones([]));
    this.positions = this.registerBuffer('positions', torch.arange(5), { persistent: false });
  }

  forward(images: torch.Tensor): torch.Tensor {
    const patches = this.patchEmbed.call(images).flatten(2).transpose(1, 2);
    let x = torch.cat([this.clsToken.expand(patches.size(0), -1, -1), patches], 1).add(this.posEmbed2d);
    for (const block of this.blocks) x = block.call(x);
    return this.head.call(this.norm.call(x.select(1, 0)).mul(this.scale));
  }
}

const pythonNet = `
class Block(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.norm1 = nn.LayerNorm(8)
        self.mlp_hidden = nn.Linear(8, hidden)
        self.act = nn.GELU()
        self.mlp_out = nn.Linear(hidden, 8, bias=False)
        self.gamma = None
    def forward(self, x):
        return x + self.mlp_out(self.act(self.mlp_hidden(self.norm1(x))))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, 8, 4, stride=4)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 8))
        self.blocks = nn.ModuleList([Block(16), Block(12)])
        self.norm = nn.BatchNorm1d(8)
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(8, 5))
        self.pos_embed2d = nn.Parameter(torch.randn(1, 5, 8))
        self.register_buffer('scale', torch.ones([]))
        self.register_buffer('positions', torch.arange(5), persistent=False)
    def forward(self, images):
        patches = self.patch_embed(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(patches.size(0), -1, -1), patches], 1) + self.pos_embed2d
        for block in self.blocks: x = block(x)
        return self.head(self.norm(x[:, 0]) * self.scale)
`;

suite('a nested module equals PyTorch', () => {
  const reference = new Reference();
  after(() => reference.stop());
  type Answer = {
    state: Record<string, torch.Tensor>;
    keys: string[];
    y: torch.Tensor;
    text: string;
    named: Record<string, string[]>;
  };

  test('starts with the same weights under the same seed, has the same names in the same order, and the same text', async () => {
    const code = `${pythonNet}
torch.manual_seed(0)
net = Net()
images = torch.randn(2, 3, 8, 8)
out = {"state": dict(net.state_dict()), "keys": list(net.state_dict()), "text": repr(net), "y": net.eval()(images), "images": images,
       "named": {"parameters": [n for n, _ in net.named_parameters()], "buffers": [n for n, _ in net.named_buffers()],
                 "modules": [n for n, _ in net.named_modules()], "children": [n for n, _ in net.named_children()]}}`;
    const expected = await reference.run<Answer & { images: torch.Tensor }>(code);
    torch.manualSeed(0);
    const net = new Net();
    const state = net.stateDict();
    assert.deepEqual([...state.keys()], expected.keys);
    for (const [name, tensor] of state) assertClose(tensor, expected.state[name], {}, name);
    assert.deepEqual(
      net.namedParameters().map(([name]) => name),
      expected.named.parameters,
    );
    assert.deepEqual(
      net.namedBuffers().map(([name]) => name),
      expected.named.buffers,
    );
    assert.deepEqual(
      net.namedModules().map(([name]) => name),
      expected.named.modules,
    );
    assert.deepEqual(
      net.namedChildren().map(([name]) => name),
      expected.named.children,
    );
    const text = String(net);
    assert.equal((await reference.isAtLeast(2, 14)) ? text : withoutNormBias(text), expected.text);
    assertClose(net.eval().call(expected.images), expected.y, { rtol: 1e-5, atol: 1e-6 });
  });

  test('gives its state to PyTorch and takes it back', async () => {
    torch.manualSeed(3);
    const ours = new Net();
    const images = torch.randn([4, 3, 8, 8]);
    ours.call(images); // a batch for the running statistics
    const code = `${pythonNet}
net = Net()
net.load_state_dict(state)
out = {"y": net.eval()(images)}
with torch.no_grad():
    for p in net.parameters(): p.mul_(1.5)
net.norm.num_batches_tracked += 4
out["state"] = dict(net.state_dict())
out["z"] = net(images)`;
    const expected = await reference.run<Answer & { z: torch.Tensor }>(code, {
      images,
      state: Object.fromEntries(ours.stateDict()),
    });
    assertClose(ours.eval().call(images), expected.y, { rtol: 1e-5, atol: 1e-6 });
    assert.deepEqual(ours.loadStateDict(expected.state), { missingKeys: [], unexpectedKeys: [] });
    for (const [name, tensor] of ours.stateDict()) assertClose(tensor, expected.state[name], {}, name);
    assert.equal(ours.norm.numBatchesTracked?.toNumber(), 5);
    assertClose(ours.call(images), expected.z, { rtol: 1e-5, atol: 1e-6 });
  });
});

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

suite('nn.Module.loadStateDict()', () => {
  test('with assign takes the memory that it is given, and stays what an optimizer holds', () => {
    const linear = new nn.Linear(2, 1, { bias: false });
    const { weight } = linear;
    const given = torch.tensor([[1, 2]]);
    linear.loadStateDict({ weight: given }, { assign: true });
    given.mul_(2);
    assert.deepEqual(linear.weight.toArray(), [[2, 4]]);
    assert.equal(linear.weight, weight);
    assert.equal(weight.requiresGrad, true);
    linear.loadStateDict({ weight: torch.tensor([[5n], [6n]]).t() }, { assign: true });
    assert.deepEqual([weight.dtype, weight.toArray(), weight.isContiguous()], ['float32', [[5, 6]], true]);
    given.dispose();
    assert.throws(
      () => linear.loadStateDict({ weight: torch.ones([3]) }, { assign: true }),
      /size mismatch for weight/,
    );
  });

  const values = (module: torch.nn.AnyModule): unknown[] =>
    [...module.stateDict().values()].map((tensor) => tensor.toArray());

  test('lists all that is missing, unexpected and mis-shaped in one error, and changes nothing', () => {
    const net = new Net();
    const before = values(net);
    const dict = new Map([...net.stateDict()].map(([name, tensor]) => [name, torch.zerosLike(tensor)]));
    dict.delete('cls_token');
    dict.delete('norm.running_mean');
    dict.set('norm.extra', torch.zeros([1]));
    dict.set('head.9.weight', torch.zeros([1]));
    dict.set('head.1.bias', torch.zeros([6]));
    dict.set('blocks.0.mlp_hidden.weight', torch.zeros([8, 16]));
    dict.set('norm.weight', 3 as never);
    assert.throws(
      () => net.loadStateDict(dict),
      (error: unknown) => {
        assert.ok(error instanceof torch.TorchError);
        assert.equal(error.code, 'STATE_DICT');
        assert.deepEqual(error.message.split('\n\t'), [
          'Error(s) in loading state_dict for Net:',
          'Missing key(s) in state_dict: "cls_token", "norm.running_mean".',
          'Unexpected key(s) in state_dict: "norm.extra", "head.9.weight".',
          'size mismatch for blocks.0.mlp_hidden.weight: copying a param with shape [8, 16] from checkpoint, the shape in current model is [16, 8].',
          'norm.weight: expected a Tensor, got 3.',
          'size mismatch for head.1.bias: copying a param with shape [6] from checkpoint, the shape in current model is [5].',
        ]);
        return true;
      },
    );
    assert.deepEqual(values(net), before);
    assert.throws(
      () => net.loadStateDict(dict, { strict: false }),
      (error: Error) => !error.message.includes('Missing') && error.message.includes('size mismatch'),
    );
    assert.deepEqual(values(net), before);
  });

  test('not strict, loads what there is and returns the rest', () => {
    const linear = new nn.Linear(2, 1);
    const result = linear.loadStateDict({ weight: torch.ones([1, 2]), scale: torch.ones([1]) }, { strict: false });
    assert.deepEqual(result, { missingKeys: ['bias'], unexpectedKeys: ['scale'] });
    assert.deepEqual(linear.weight.toArray(), [[1, 1]]);
  });

  test('copies in place, converting the dtype, and keeps gradients and identity', () => {
    const linear = new nn.Linear(2, 1);
    const { weight } = linear;
    const source = torch.tensor([[1.5, 2]], { dtype: 'float64' });
    linear.loadStateDict({ weight: source, bias: torch.tensor([3n]) });
    source.zero_();
    assert.equal(linear.weight, weight);
    assert.deepEqual(
      [weight.dtype, weight.toArray(), linear.bias?.toArray(), weight.requiresGrad, weight.isLeaf],
      ['float32', [[1.5, 2]], [3], true, true],
    );
  });

  test('refuses values that are not a dict, and a dict with a disposed tensor, before anything changes', () => {
    const linear = new nn.Linear(2, 1);
    const before = values(linear);
    const gone = torch.zeros([1]);
    gone.dispose();
    assert.throws(() => linear.loadStateDict(null as never), /expected a Map or an object of Tensors, got null/);
    assert.throws(() => linear.loadStateDict({ weight: torch.zeros([1, 2]), bias: gone }), /was released by dispose/);
    assert.deepEqual(values(linear), before);
  });
});

suite('nn.Module.stateDict()', () => {
  test('shares memory with the module, without gradients', () => {
    const linear = new nn.Linear(2, 1);
    const weight = linear.stateDict().get('weight') as torch.Tensor;
    assert.equal(weight.requiresGrad, false);
    weight.fill_(7);
    assert.deepEqual(linear.weight.toArray(), [[7, 7]]);
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
