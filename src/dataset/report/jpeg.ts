/** @file The quality of a JPEG file by its quantisation tables. */

/** The luminance table of ITU-T T.81, Annex K.1, which IJG's quality scales, in rows. */
export const standardTable = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22,
  29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103,
  121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const standardSum = standardTable.reduce((a, b) => a + b, 0);

/** IJG's `jpeg_quality_scaling`, backwards: from percent of the standard table to quality. */
export function qualityOfScale(scale: number): number {
  const quality = scale <= 100 ? (200 - scale) / 2 : 5000 / scale;
  return Math.round(Math.min(100, Math.max(1, quality)));
}

/** The sum of the first quantisation table (T.81, B.2.4.1); the order of its numbers does not matter for it. */
function firstTableSum(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xda || marker === 0xd9) return undefined;
    const length = view.getUint16(at + 2);
    if (marker === 0xdb) {
      const isWide = bytes[at + 4] >> 4 === 1;
      const start = at + 5;
      if (start + (isWide ? 128 : 64) > bytes.length) return undefined;
      let sum = 0;
      for (let i = 0; i < 64; i++) sum += isWide ? view.getUint16(start + 2 * i) : bytes[start + i];
      return sum;
    }
    at += 2 + length;
  }
  return undefined;
}

/** IJG quality 1 … 100 of the nearest scaled standard table; undefined for what is no JPEG. */
export function jpegQuality(bytes: Uint8Array): number | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  const sum = firstTableSum(bytes);
  if (sum === undefined) return undefined;
  return qualityOfScale((100 * sum) / standardSum);
}
