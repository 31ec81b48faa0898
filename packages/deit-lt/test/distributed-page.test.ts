/** The manifest of docs/distributed.md for Kubernetes is one that the training operator takes, and its processes share the shards. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { parse } from 'yaml';
import { parseWords } from '../src/cli/program.js';

type EfficiencyOf = (cluster: Readonly<Record<string, number>>) => { flat: number; overlapped: number };

interface Replicas {
  readonly replicas: number;
  readonly restartPolicy: string;
  readonly template: {
    readonly spec: { readonly containers: readonly Container[]; readonly volumes: readonly { name: string }[] };
  };
}

interface Container {
  readonly name: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: { readonly pytorchReplicaSpecs: { readonly Master: Replicas; readonly Worker: Replicas } };
}

suite('docs/distributed.md', () => {
  const page = readFileSync(path.join(import.meta.dirname, '../../../../docs/distributed.md'), 'utf8');
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];

  test('has a PyTorchJob whose pods are the processes of one training', () => {
    const { apiVersion, kind, spec } = parse(yaml) as Manifest;
    const { Master, Worker } = spec.pytorchReplicaSpecs;
    assert.deepEqual([apiVersion, kind, Master.replicas], ['kubeflow.org/v1', 'PyTorchJob', 1]);
    assert.deepEqual(Worker.template, Master.template);
    const [container] = Master.template.spec.containers;
    assert.equal(container?.name, 'pytorch'); // the operator sets its variables in the container of this name
    const [npx, program, ...words] = [...container!.command, ...container!.args];
    assert.deepEqual([npx, program], ['npx', 'deit-lt']);
    const { options } = parseWords(words, { writeOut: assert.fail, writeErr: assert.fail })!;
    const shards = Number(/student\.shards=(\d+)/.exec((options.set ?? []).join(' '))?.[1]);
    assert.equal(shards % (Master.replicas + Worker.replicas), 0);
    assert.equal(options.resume, true);
    const [{ mountPath, name } = { mountPath: '', name: '' }] = container!.volumeMounts;
    assert.ok(Master.template.spec.volumes.some((volume) => volume.name === name));
    for (const file of [options.data, options.out]) assert.ok(file?.startsWith(`${mountPath}/`));
  });

  test('has the shares of time of the model in bench/distributed', async () => {
    const file = pathToFileURL(path.join(import.meta.dirname, '../../../../bench/dist/distributed/scaling.js')).href;
    const { efficiencyOf } = (await import(file)) as { efficiencyOf: EfficiencyOf };
    const rows = [...page.matchAll(/^\| (\d+) \| (\d+) Gbit\/s \| (\d+) % \| (\d+) % \|$/gm)];
    assert.equal(rows.length, 4);
    for (const [row, cards, link, ...shares] of rows) {
      const cluster = { parameters: 22e6, stepSeconds: 0.1, linkBytes: Number(link) * 1.25e8, cards: Number(cards) };
      const { flat, overlapped } = efficiencyOf(cluster);
      assert.deepEqual(
        shares.map(Number),
        [flat, overlapped].map((share) => Math.round(100 * share)),
        row,
      );
    }
  });
});
