/**
 * All text of a page is safe to show: what a name (of a class, a file, a run) has that would reorder, hide or break letters is
 * written out, as in reports and on the terminal. It is done where elements are made, so that no part of a page can forget it.
 */
import { visible } from 'deit-lt/browser';
import { options, type VNode } from 'preact';

type Props = Record<string, unknown>;
const attributes = ['alt', 'title', 'aria-label'];

/** Makes all text visible, from now on in every element. */
export function showTextVisibly(): void {
  const before = options.vnode;
  options.vnode = (vnode: VNode) => {
    const props = vnode.props as Props;
    if (typeof vnode.type === 'string') {
      props.children = shown(props.children);
      for (const name of attributes) if (typeof props[name] === 'string') props[name] = visible(props[name]);
    }
    before?.(vnode);
  };
}

function shown(children: unknown): unknown {
  if (typeof children === 'string') return visible(children);
  return Array.isArray(children) ? children.map(shown) : children;
}
