/** An image that is not read, and why. */

/** The message follows the name of the file: "is an SVG drawing, …". */
export class UnreadableImage extends Error {
  override name = 'UnreadableImage';
}
