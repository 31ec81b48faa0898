/**
 * The key of the method by which a value prints itself in Node. It is `util.inspect.custom`, which Node documents as this
 * symbol; by this way the package's types need none of Node's.
 */
export const inspectCustom: unique symbol = Symbol.for('nodejs.util.inspect.custom');
