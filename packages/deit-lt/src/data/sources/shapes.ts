/** The name `shapes`: the small synthetic set that is drawn, not stored. */
import type { SourceKind } from '../open-options.js';

export const shapes: SourceKind = {
  summary: '`shapes`: a small set of drawn shapes, to try things out without data',
  names: ['shapes'],
  async open(spec) {
    if (spec !== 'shapes') return undefined;
    const { drawShapes } = await import('../shapes/index.js');
    return drawShapes();
  },
};
