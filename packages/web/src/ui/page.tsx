/** What every page has: a title, its content, and where it comes from. */
import type { ComponentChildren } from 'preact';

export interface PageProps {
  readonly title: string;
  readonly children: ComponentChildren;
}

export function Page({ title, children }: PageProps) {
  return (
    <>
      <header>
        <h1>{title}</h1>
      </header>
      <main>{children}</main>
    </>
  );
}
