/**
 * What optimizers leave behind: nothing. A file of its own, in which every test releases its tensors, so that no
 * garbage of other tests is collected while one counts.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { native } from '../src/binding/addon.js';
import * as torch from '../src/index.js';
import { settledLiveTensors } from './helpers/live-tensors.js';

const { Adam, AdamW, Lamb, SGD, clipGradNorm_, clipGradValue_ } = torch.optim;
type AnyOptimizer = torch.optim.Optimizer<{ lr?: number }>;

/** The last one is long enough for the path that shares memory between tensors. */
const leaves = (): torch.Tensor[] => [[3, 4], [5], [130, 140]].map((shape) => torch.randn(shape).requiresGrad_());

const optimizers: [name: string, make: (params: torch.Tensor[]) => AnyOptimizer][] = [
  ['SGD', (ps) => new SGD(ps, { lr: 0.1 })],
  ['SGD with momentum', (ps) => new SGD(ps, { momentum: 0.9, weightDecay: 0.1 })],
  ['SGD that maximizes with Nesterov momentum', (ps) => new SGD(ps, { momentum: 0.9, nesterov: true, maximize: true })],
  ['Adam with weight decay', (ps) => new Adam(ps, { weightDecay: 0.1 })],
  ['AdamW', (ps) => new AdamW(ps)],
  ['AdamW that maximizes with AMSGrad', (ps) => new AdamW(ps, { amsgrad: true, maximize: true })],
  ['Lamb', (ps) => new Lamb(ps)],
];

/** One step as a training loop does it. */
function train(params: readonly torch.Tensor[], optimizer: AnyOptimizer): void {
  torch.tidy(() => {
    optimizer.zeroGrad();
    torch.autograd.backward(params.map((param) => param.square().sum()));
    clipGradNorm_(params, 1);
    clipGradValue_(params, 0.1);
    optimizer.step();
  });
}

suite('the number of live tensors', () => {
  for (const [name, make] of optimizers) {
    test(`stays the same over 100 steps of ${name}, and is what it was after dispose()`, () => {
      torch.setNumThreads(1);
      torch.tidy(() => {
        const params = leaves();
        const start = settledLiveTensors();
        const optimizer = make(params);
        train(params, optimizer);
        const before = settledLiveTensors();
        for (let i = 0; i < 100; i++) train(params, optimizer);
        assert.equal(native().liveTensors(), before);
        optimizer.dispose();
        assert.equal(native().liveTensors(), start);
        assert.ok(params.every((param) => param.isAlive));
      });
    });

    test(`stays the same outside of scopes, but for what ${name} remembers`, () => {
      const [params, start] = [leaves(), settledLiveTensors()];
      const optimizer = make(params);
      train(params, optimizer);
      const state = [...optimizer.state.values()]
        .flatMap((entry) => Object.values(entry))
        .filter((value) => value instanceof torch.Tensor);
      optimizer.step();
      optimizer.zeroGrad({ setToNone: false });
      assert.equal(native().liveTensors(), start + state.length);
      optimizer.dispose();
      for (const param of params) param.dispose();
    });
  }

  test('is the same after a state dict that does not fit', () => {
    torch.tidy(() => {
      const params = leaves();
      const optimizer = new AdamW(params);
      train(params, optimizer);
      const saved = optimizer.stateDict();
      delete saved.state['2']?.exp_avg;
      const before = settledLiveTensors();
      assert.throws(() => optimizer.loadStateDict(saved), { code: 'STATE_DICT' });
      assert.equal(native().liveTensors(), before);
      optimizer.dispose();
    });
  });

  test('is the same after a state dict that fits: the old state is released', () => {
    torch.tidy(() => {
      const params = leaves();
      const optimizer = new AdamW(params);
      train(params, optimizer);
      const saved = optimizer.stateDict();
      const before = settledLiveTensors();
      optimizer.loadStateDict(saved);
      assert.equal(native().liveTensors(), before);
      optimizer.dispose();
    });
  });

  test('grows by the norm that clipGradNorm_() gives', () => {
    torch.tidy(() => {
      const params = leaves();
      torch.autograd.backward(params.map((param) => param.sum()));
      const before = settledLiveTensors();
      clipGradNorm_(params, 1);
      assert.equal(native().liveTensors(), before + 1);
    });
  });
});
