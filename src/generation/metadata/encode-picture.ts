/** @file Pixels to the bytes of a picture that knows how it was made. */
import sharp from 'sharp';
import {
  encodePng,
  exifWithComment,
  type Pixels,
  withJpegBlocks,
  withWebpBlocks,
  xmpKeyword,
} from '../../files/index.ts';
import type { PictureSettings } from '../settings/schema.ts';
import { pictureJson } from './picture-json.ts';
import { xmpPacket } from './xmp.ts';

export const pictureFormats = ['png', 'jpeg', 'webp'] as const;
export type PictureFormat = (typeof pictureFormats)[number];

/** The keyword of our record in a PNG. */
export const ownKeyword = 'lora_studio';

export interface EncodeOptions {
  readonly format: PictureFormat;
  /** 1 to 100, of JPEG and WebP; 95 unless given. */
  readonly quality?: number | undefined;
  /** A1111's text, `infotextOf`. */
  readonly parameters: string;
  readonly settings: PictureSettings;
  /** The execution provider it was made on. */
  readonly device?: string | undefined;
  /** Say in the picture that it is generated, as IPTC has it. */
  readonly mark: boolean;
}

const sourceTypeOf = ({ mark, settings }: EncodeOptions): 'composite' | 'generated' | undefined =>
  mark ? (settings.init ? 'composite' : 'generated') : undefined;

/** The texts of a JPEG or WebP. */
export const blocksOf = (options: EncodeOptions): { exif: Uint8Array; xmp: string } => ({
  exif: exifWithComment(options.parameters),
  xmp: xmpPacket({
    sourceType: sourceTypeOf(options),
    json: pictureJson(options.settings, options.device),
  }),
});

/**
 * A picture with A1111's text (tEXt or iTXt `parameters`; Exif user comment), our record (chunk `lora_studio`; XMP) and,
 * where `mark` is set, IPTC's digital source type. Equal input gives equal bytes. Throws JPEG_TEXT_TOO_LONG.
 */
export async function encodePicture(
  picture: Omit<Pixels, 'channels'>,
  options: EncodeOptions,
): Promise<Uint8Array> {
  const { format, quality = 95, parameters } = options;
  const pixels: Pixels = { ...picture, channels: 3 };
  if (format === 'png') {
    const sourceType = sourceTypeOf(options);
    const json = pictureJson(options.settings, options.device);
    const xmp = sourceType ? { [xmpKeyword]: xmpPacket({ sourceType }) } : {};
    return encodePng(pixels, { parameters, [ownKeyword]: json, ...xmp });
  }
  const image = sharp(pixels.data, { raw: pixels });
  const blocks = blocksOf(options);
  return format === 'jpeg'
    ? withJpegBlocks(await image.jpeg({ quality, chromaSubsampling: '4:4:4' }).toBuffer(), blocks)
    : withWebpBlocks(await image.webp({ quality }).toBuffer(), blocks, pixels);
}
