/** What files say of themselves: every key that is known, shown, checked, edited, and true hashes. */
export { checkHashes, type HashFacts } from './check-hashes.ts';
export { describeMetadata, type EntryFacts, type MetadataFacts } from './describe.ts';
export { type Changes, type Edited, editMetadata, hashKeysOf, type Metadata, stripMetadata } from './edit.ts';
export { type KeyFacts, type KeyGroup, metadataKeys, type ValueType } from './keys.ts';
export { baseName, findPrivate, type PrivateFinding, privatePaths, withoutPaths } from './private.ts';
export { makeThumbnail } from './thumbnail.ts';
export { checkEntry, misfitOf } from './values.ts';
export { type FileKind, identify } from './what.ts';
