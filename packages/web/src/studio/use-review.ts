/** Asks the server for a list of images, again and again while it searches. */
import type { Review, ReviewKind } from 'deit-lt/browser-studio';
import { useEffect, useState } from 'preact/hooks';
import { ask } from './fetched.js';

export interface ReviewWanted {
  /** Id of the run. */
  readonly run: string;
  readonly kind: ReviewKind;
  /** A class, or all. */
  readonly name: string | undefined;
  readonly page: number;
}

export interface ReviewState {
  readonly review: Review | undefined;
  /** Why there is none, in the server's words. */
  readonly problem: string | undefined;
  readonly isLoading: boolean;
  readonly start: () => void;
  readonly stop: () => void;
}

const pollMs = 700;

export function useReview({ run, kind, name, page }: ReviewWanted): ReviewState {
  const [state, setState] = useState<Pick<ReviewState, 'review' | 'problem' | 'isLoading'>>({
    review: undefined,
    problem: undefined,
    isLoading: true,
  });
  // What was clicked, done once: other pages and classes are then only asked for.
  const [act, setAct] = useState<{ what?: 'start' | 'stop' | undefined }>({});
  const words = new URLSearchParams({ run, kind, page: `${page}`, ...(name !== undefined && { class: name }) });
  const address = `review?${words}`;
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = (what?: 'start' | 'stop'): void => {
      const post = what && { method: 'POST' };
      ask<Review>(what ? `${address}&do=${what}` : address, { signal, ...post }).then(
        (review) => {
          setState({ review, problem: undefined, isLoading: false });
          if (review.state === 'working') timer = setTimeout(() => look(), pollMs);
        },
        (error: unknown) => {
          if (!signal.aborted) setState({ review: undefined, problem: (error as Error).message, isLoading: false });
        },
      );
    };
    setState((before) => ({ ...before, isLoading: true }));
    look(act.what);
    act.what = undefined;
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [address, act]);
  return { ...state, start: () => setAct({ what: 'start' }), stop: () => setAct({ what: 'stop' }) };
}
