/** Work that runs at the end of every backward pass, for what must see all of its gradients. */
const works = new Set<() => void>();

/** Runs `work` after each backward pass of this thread. Returns what ends that. */
export function afterBackward(work: () => void): () => void {
  works.add(work);
  return () => void works.delete(work);
}

/** Runs all of it, in the order in which it was registered. */
export function runAfterBackward(): void {
  for (const work of [...works]) work();
}
