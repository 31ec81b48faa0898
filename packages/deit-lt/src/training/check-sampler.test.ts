import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { z } from 'zod';
import { createSampler, registerSampler, samplerRegistry } from '../data/samplers/registry.js';
import { distributed, range, type Share } from '../data/samplers/sampler-orders.js';
import { checkShares } from './check-sampler.js';

const labels = new Int32Array(40);

/** Checks a sampler in four shards. */
const check = (name: string): void =>
  checkShares(name, 4, (share) => createSampler(name)(labels, 1, { seed: 3, epoch: 1, ...share }));

const register = (name: string, deals: boolean, order: (share: Required<Share>) => Int32Array): void =>
  registerSampler({ name, options: z.object({}), deals, create: () => (_labels, _classes, place) => order(place) });

suite('checkShares()', () => {
  for (const name of samplerRegistry.names())
    test(`accepts ${name}`, () => {
      check(name);
    });

  test('accepts a sampler that deals its epoch out', () => {
    register('dealing', true, (share) => distributed(range(40), share));
    check('dealing');
  });

  const wrong: readonly (readonly [string, boolean, (share: Required<Share>) => Int32Array, RegExp])[] = [
    [
      'one-for-all',
      true,
      () => range(40),
      /"one-for-all" .* 4 shards: .* the same images for shard 0 and shard 1; use place\.rank/,
    ],
    ['unequal', true, ({ rank }) => range(10 + rank), /returned 10 images for shard 0 and 11 for shard 1/],
    [
      'chance',
      false,
      () => range(40).map(() => Math.floor(Math.random() * 40)),
      /two different lists for the same epoch/,
    ],
  ];
  for (const [name, deals, order, message] of wrong)
    test(`refuses ${name}`, () => {
      register(name, deals, order);
      assert.throws(() => check(name), { code: 'PLUGIN', message });
    });

  test('does not look at a training without shards', () => {
    checkShares('never registered', 1, () => assert.fail('not called'));
  });
});
