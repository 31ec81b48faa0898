/**
 * The words that arguments and results travel in: one allocation, shared with native/codec.cc for
 * good. Three views of the same memory, because a word is a double, an int64 or eight bytes of text.
 */
export const wordCount = 1 << 17;
export const wordsBuffer = new ArrayBuffer(wordCount * 8);
export const f64 = new Float64Array(wordsBuffer);
export const i64 = new BigInt64Array(wordsBuffer);
export const bytes = new Uint8Array(wordsBuffer);

let claims = 0;

/**
 * Every use of the words begins with a claim. Reading arguments may run the caller's code (getters, Proxies),
 * which may use torch and so the words; who reads arguments into them compares `lastClaim()` with its own after.
 */
export function claimWords(): number {
  return ++claims;
}

export function lastClaim(): number {
  return claims;
}
