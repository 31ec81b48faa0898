/** A file that does not decode to an image. `reason` follows the name: "is empty", "is cut off or damaged". */
export interface BadFile {
  readonly path: string;
  readonly reason: string;
}
