/** @file The texts of a picture of any format: chunks, Exif, XMP, comment. */
import { badInput, LoraError } from '../errors.ts';
import { type ExifTag, readExif } from './exif.ts';
import { isGif, readGifComment } from './gif-comment.ts';
import { isJpeg, type PictureBlocks, readJpegBlocks } from './jpeg-segments.ts';
import { pngSignature, xmpKeyword } from './png.ts';
import { readPngTexts } from './png-text.ts';
import { isWebp, readWebpBlocks } from './webp-chunks.ts';

export interface PictureTexts {
  readonly format: 'png' | 'jpeg' | 'webp' | 'gif';
  /** Text chunks of a PNG by keyword. */
  readonly chunks: Readonly<Record<string, string>>;
  readonly exif: Partial<Record<ExifTag, string>>;
  readonly xmp?: string | undefined;
  readonly comment?: string | undefined;
  /** What could not be read, while the rest could. */
  readonly damaged: readonly LoraError[];
}

type Blocks = PictureBlocks & { readonly comment?: string | undefined };

/** Reads them, running nothing and decoding no pixel. Throws PICTURE_FORMAT_UNKNOWN, PNG_*, JPEG_*, WEBP_*, GIF_*. */
export function readPictureTexts(bytes: Uint8Array, path = 'the picture'): PictureTexts {
  const withExif = (
    format: PictureTexts['format'],
    { exif, xmp, comment }: Blocks,
    chunks: Readonly<Record<string, string>> = {},
  ): PictureTexts => {
    const rest = { format, chunks, xmp, comment };
    try {
      return { ...rest, exif: exif ? readExif(exif, path) : {}, damaged: [] };
    } catch (error) {
      if (!(error instanceof LoraError)) throw error;
      return { ...rest, exif: {}, damaged: [error] };
    }
  };
  if (pngSignature.equals(bytes.subarray(0, 8))) {
    const { texts, exif } = readPngTexts(bytes, path);
    const { [xmpKeyword]: xmp, ...chunks } = texts;
    return withExif('png', { exif, xmp }, chunks);
  }
  if (isJpeg(bytes)) return withExif('jpeg', readJpegBlocks(bytes, path));
  if (isWebp(bytes)) return withExif('webp', readWebpBlocks(bytes, path));
  if (isGif(bytes)) return withExif('gif', { comment: readGifComment(bytes, path) });
  const hint = 'PNG, JPEG, WebP and GIF can be read.';
  throw badInput('PICTURE_FORMAT_UNKNOWN', `${path} is not a picture of a known format`, hint);
}
