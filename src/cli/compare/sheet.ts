/** @file The sheet lives in sheets/; this name is still asked for by tools/gallery.ts. */
export { drawSheet } from '../sheets/sheet.ts';
