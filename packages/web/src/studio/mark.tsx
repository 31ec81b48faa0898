/** The sign of a right or wrong prediction. */
export function Mark({ isRight }: { readonly isRight: boolean }) {
  return isRight ? <span class="right">✓</span> : <span class="wrong">✗</span>;
}
