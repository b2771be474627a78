/** @file What can be planted in one picture or its caption: a table of what it does and what a report must say. */
import sharp, { type Sharp } from 'sharp';
import type { FindingCode } from '../../../src/dataset/index.ts';
import type { RandomStream } from '../../../src/engine/index.ts';

export interface DrawnPicture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface PlantedFile {
  readonly bytes: Uint8Array;
  readonly extension: string;
}

export interface PictureFault {
  readonly code: FindingCode;
  readonly make: (picture: DrawnPicture, random: RandomStream) => Promise<PlantedFile>;
}

const between = (random: RandomStream, low: number, high: number): number =>
  low + (high - low) * random.uniform();

export const open = ({ data, width, height }: DrawnPicture): Sharp =>
  sharp(data, { raw: { width, height, channels: 3 } });

/** As cameras and web sites write them. */
export async function asFile(picture: Sharp, random: RandomStream): Promise<PlantedFile> {
  const kind = random.integer(4);
  if (kind === 0) return { bytes: await picture.png({ compressionLevel: 3 }).toBuffer(), extension: '.png' };
  if (kind === 1)
    return { bytes: await picture.webp({ quality: 90, effort: 1 }).toBuffer(), extension: '.webp' };
  const quality = 80 + random.integer(18);
  return { bytes: await picture.jpeg({ quality }).toBuffer(), extension: '.jpg' };
}

const asJpeg = async (picture: Sharp, quality = 92): Promise<PlantedFile> => ({
  bytes: await picture.jpeg({ quality }).toBuffer(),
  extension: '.jpg',
});

/** Side of the square that the pictures are trained at, by area. */
export const trainedSide = 256;

const trainedScale = ({ width, height }: DrawnPicture): number => trainedSide / Math.sqrt(width * height);

/** What is stored turned by EXIF orientation n is turned back by reading it. */
const storedTurned: Readonly<Record<number, (picture: Sharp) => Sharp>> = {
  2: picture => picture.flop(),
  3: picture => picture.rotate(180),
  6: picture => picture.rotate(270),
  8: picture => picture.rotate(90),
};

async function truncated(picture: DrawnPicture, share: number): Promise<PlantedFile> {
  const bytes = await open(picture).png().toBuffer();
  return { bytes: bytes.subarray(0, Math.floor(share * bytes.length)), extension: '.png' };
}

export const pictureFaults: Readonly<Record<string, PictureFault>> = {
  turned: {
    code: 'PICTURE_TURNED',
    make: async (picture, random) => {
      const orientation = [2, 3, 6, 8][random.integer(4)];
      const stored = await storedTurned[orientation](open(picture)).png().toBuffer();
      return asJpeg(sharp(stored).withMetadata({ orientation }));
    },
  },
  place: {
    code: 'PICTURE_HAS_PLACE',
    make: picture =>
      asJpeg(
        open(picture).withExif({
          IFD3: {
            GPSLatitudeRef: 'N',
            GPSLatitude: '51/1 30/1 3230/100',
            GPSLongitudeRef: 'W',
            GPSLongitude: '0/1 7/1 4366/100',
          },
        }),
      ),
  },
  profile: {
    code: 'PICTURE_COLOR_PROFILE',
    make: (picture, random) =>
      random.integer(2) === 0
        ? asJpeg(open(picture).withIccProfile('p3'))
        : asJpeg(open(picture).toColourspace('cmyk').withIccProfile('cmyk')),
  },
  transparent: {
    code: 'PICTURE_TRANSPARENT',
    make: async (picture, random) => {
      const { width, height } = picture;
      const radius = between(random, 0.3, 0.48) * Math.min(width, height);
      const hole = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="${width}" height="${height}"/><circle cx="${width / 2}" cy="${height / 2}" r="${radius}" fill="#fff"/></svg>`;
      const alpha = await sharp(Buffer.from(hole)).removeAlpha().extractChannel(0).raw().toBuffer();
      const joined = open(picture).joinChannel(alpha, { raw: { width, height, channels: 1 } });
      return { bytes: await joined.png().toBuffer(), extension: '.png' };
    },
  },
  blurred: {
    code: 'PICTURE_BLURRED',
    make: (picture, random) =>
      asFile(open(picture).blur(between(random, 2.2, 6) / trainedScale(picture)), random),
  },
  dark: {
    code: 'PICTURE_TOO_DARK',
    make: (picture, random) => asFile(open(picture).linear(between(random, 0.16, 0.38), 0), random),
  },
  bright: {
    code: 'PICTURE_TOO_BRIGHT',
    make: (picture, random) =>
      asFile(open(picture).linear(between(random, 2.1, 3.2), between(random, 20, 50)), random),
  },
  pale: {
    code: 'PICTURE_LOW_CONTRAST',
    make: (picture, random) =>
      asFile(open(picture).linear(between(random, 0.05, 0.12), between(random, 120, 190)), random),
  },
  jpeg: {
    code: 'PICTURE_JPEG_DAMAGE',
    make: async (picture, random) => {
      const damaged = await open(picture)
        .jpeg({ quality: 5 + random.integer(30) })
        .toBuffer();
      if (random.integer(2) === 0) return { bytes: damaged, extension: '.jpg' };
      return { bytes: await sharp(damaged).png().toBuffer(), extension: '.png' };
    },
  },
  tiny: {
    code: 'PICTURE_ENLARGED',
    make: (picture, random) => {
      const width = Math.round((picture.width * trainedScale(picture)) / between(random, 1.75, 4));
      return asFile(open(picture).resize(width), random);
    },
  },
  panorama: {
    code: 'PICTURE_CUT',
    make: (picture, random) => {
      const { width, height } = picture;
      const strip = Math.round(width / between(random, 6.2, 8));
      const top = Math.round((height - strip) / 2);
      return asFile(
        open(picture)
          .extract({ left: 0, top, width, height: strip })
          .resize(width * 3),
        random,
      );
    },
  },
  broken: {
    code: 'PICTURE_NOT_USED',
    make: async (picture, random) => {
      switch (random.integer(4)) {
        case 0:
          return { bytes: new Uint8Array(), extension: '.png' };
        case 1:
          return { bytes: new TextEncoder().encode('<html>not found</html>'), extension: '.jpg' };
        case 2:
          return { bytes: await open(picture).resize(9, 9).png().toBuffer(), extension: '.png' };
        default:
          return truncated(picture, between(random, 0.2, 0.8));
      }
    },
  },
};

/** Copies of a picture that are nearly the same. */
export const copies: Readonly<
  Record<string, (picture: DrawnPicture, random: RandomStream) => Promise<PlantedFile>>
> = {
  resized: (picture, random) =>
    asFile(open(picture).resize(Math.round(picture.width * between(random, 0.75, 0.95))), random),
  compressed: (picture, random) => asJpeg(open(picture), 50 + random.integer(30)),
  brighter: (picture, random) => asFile(open(picture).linear(between(random, 0.9, 1.1), 0), random),
  mirrored: (picture, random) => asFile(open(picture).flop(), random),
  cut: (picture, random) => {
    const { width, height } = picture;
    const [dx, dy] = [
      Math.round(0.05 * width * random.uniform()),
      Math.round(0.05 * height * random.uniform()),
    ];
    const cut = { left: dx, top: dy, width: Math.floor(0.95 * width), height: Math.floor(0.95 * height) };
    return asFile(open(picture).extract(cut), random);
  },
  all: (picture, random) => {
    const { width, height } = picture;
    const cut = { left: 0, top: 0, width: Math.floor(0.95 * width), height: Math.floor(0.96 * height) };
    const changed = open(picture)
      .extract(cut)
      .flop()
      .linear(between(random, 0.92, 1.08), 0);
    return asJpeg(changed, 60 + random.integer(30));
  },
};
