/** Fetches the content of an address; the previous content stays while it is fetched again. */
import { useEffect, useState } from 'preact/hooks';

export interface Fetched<T> {
  readonly value: T | undefined;
  /** Why there is none, in the server's words. */
  readonly problem: string | undefined;
  readonly isLoading: boolean;
}

/** Asked again when `address` or `version` changes. */
export function useFetched<T>(address: string, version = ''): Fetched<T> {
  const [fetched, setFetched] = useState<Fetched<T>>({ value: undefined, problem: undefined, isLoading: true });
  useEffect(() => {
    const controller = new AbortController();
    setFetched(({ value }) => ({ value, problem: undefined, isLoading: true }));
    ask<T>(address, { signal: controller.signal }).then(
      (value) => setFetched({ value, problem: undefined, isLoading: false }),
      (error: unknown) => {
        if (!controller.signal.aborted)
          setFetched({ value: undefined, problem: (error as Error).message, isLoading: false });
      },
    );
    return () => controller.abort();
  }, [address, version]);
  return fetched;
}

/** The JSON at an address; throws an error with the server's words. */
export async function ask<T>(address: string, options: RequestInit): Promise<T> {
  const response = await fetch(address, options);
  if (response.ok) return (await response.json()) as T;
  throw new Error((await response.text()).trim());
}
