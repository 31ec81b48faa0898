/** Two machines with a network between them, made of network namespaces: each has an address of its own, and the cable can be cut. */
import { execFileSync, spawnSync } from 'node:child_process';

export interface Node {
  /** Its name, for `ip netns exec`. */
  readonly name: string;
  readonly address: string;
  /** The network interface. */
  readonly device: string;
}

export interface TwoNodes extends Disposable {
  readonly nodes: readonly [Node, Node];
  /** Delays each packet of both nodes, or where the kernel cannot, limits them to 8 Mbit/s. */
  slow(): void;
  /** Cuts the cable of the second node, or repairs it. */
  cable(state: 'down' | 'up'): void;
}

/** Why there are no namespaces here; false where there are. */
export function skipTwoNodes(): string | false {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const name = `deit-probe-${process.pid}`;
  const { status, stderr, error } = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (status !== 0) return `ip netns add fails: ${error?.message ?? stderr.trim()}`;
  ip('netns', 'del', name);
  return false;
}

/** Makes two nodes at a switch; the end of the scope removes them. */
export function twoNodes(): TwoNodes {
  const id = process.pid % 100_000;
  const hub = `deit-hub-${id}`;
  const names = ['a', 'b'].map((letter) => `deit-${letter}-${id}`);
  const dispose = (): void => {
    for (const name of [hub, ...names]) spawnSync('ip', ['netns', 'del', name]);
  };
  try {
    const nodes = connect(hub, names, id);
    return {
      nodes,
      slow: () => {
        for (const { name, device } of nodes) slowDown(name, device);
      },
      cable: (state) => ip('-n', hub, 'link', 'set', `pb${id}`, state),
      [Symbol.dispose]: dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

function connect(hub: string, names: readonly string[], id: number): [Node, Node] {
  ip('netns', 'add', hub);
  ip('-n', hub, 'link', 'add', 'switch', 'type', 'bridge');
  ip('-n', hub, 'link', 'set', 'switch', 'up');
  const nodes = names.map((name, i): Node => {
    const letter = 'ab'[i]!;
    const [device, port] = [`v${letter}${id}`, `p${letter}${id}`];
    const address = `10.77.0.${i + 1}`;
    ip('netns', 'add', name);
    ip('link', 'add', device, 'netns', name, 'type', 'veth', 'peer', 'name', port, 'netns', hub);
    ip('-n', hub, 'link', 'set', port, 'master', 'switch', 'up');
    ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', device);
    for (const each of [device, 'lo']) ip('-n', name, 'link', 'set', each, 'up');
    return { name, address, device };
  });
  return [nodes[0]!, nodes[1]!];
}

function slowDown(name: string, device: string): void {
  const [delay, limit] = [
    ['netem', 'delay', '5ms'],
    ['tbf', 'rate', '8mbit', 'burst', '16kb', 'latency', '100ms'],
  ];
  const words = ['netns', 'exec', name, 'tc', 'qdisc', 'replace', 'dev', device, 'root'];
  const { status } = spawnSync('ip', [...words, ...delay!]);
  if (status !== 0) ip(...words, ...limit!);
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', words, { stdio: 'pipe' });
}
