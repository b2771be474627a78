/** @file The measures of a picture as bytes and back. */
import { z } from 'zod';
import { finestSide, likenessOf } from '../../likeness/describe.ts';
import { mapSide } from '../composition.ts';
import type { PictureContent, TrainedMeasures } from '../picture.ts';
import { type Kind, pack, unpack } from './kind.ts';

const share = z.number().min(0).max(1);
const triple = z.tuple([z.number(), z.number(), z.number()]);

const contentHead = z.strictObject({
  file: z.strictObject({
    ...{ format: z.string(), bytes: z.int().nonnegative(), orientation: z.int(), hasPlace: z.boolean() },
    ...{ profile: z.string().nullable(), colorSpace: z.string(), transparent: share },
  }),
  jpegQuality: z.number().nullable(),
});

/** The small planes are computed again from the pixels that they came from, which are fewer bytes. */
export const contentKind: Kind<PictureContent> = {
  name: 'content',
  encode: ({ file, jpegQuality, small }) =>
    pack({ file: { ...file, profile: file.profile ?? null }, jpegQuality: jpegQuality ?? null }, small),
  decode(bytes) {
    const { head, rest } = unpack(bytes);
    const { file, jpegQuality } = contentHead.parse(head);
    if (rest.length !== 3 * finestSide * finestSide) return undefined;
    const { format, bytes: size, orientation, hasPlace, profile, colorSpace, transparent } = file;
    return {
      file: {
        ...{ format, bytes: size, orientation, hasPlace },
        ...{ profile: profile ?? undefined, colorSpace, transparent },
      },
      jpegQuality: jpegQuality ?? undefined,
      small: rest,
      likeness: likenessOf(rest),
    };
  },
};

const level = z.number().min(0).max(255);
const trainedHead = z.strictObject({
  sharpness: z.strictObject({ edgeWidth: z.number().nullable(), edges: z.int().nonnegative() }),
  exposure: z.strictObject({
    ...{ median: level, shadows: level, highlights: level, brightest: level, range: level },
    ...{ burntOut: share, drowned: share },
  }),
  ground: z.strictObject({ color: triple, lab: triple, share }),
});

export const trainedKind: Kind<TrainedMeasures> = {
  name: 'trained',
  encode({ sharpness, exposure, ground, edges }) {
    const { edgeWidth, edges: count } = sharpness;
    const head = { sharpness: { edgeWidth: edgeWidth ?? null, edges: count }, exposure, ground };
    return pack(head, new Uint8Array(edges.buffer, edges.byteOffset, edges.byteLength));
  },
  decode(bytes) {
    const { head, rest } = unpack(bytes);
    const { sharpness, exposure, ground } = trainedHead.parse(head);
    if (rest.length !== 8 * mapSide * mapSide) return undefined;
    return {
      sharpness: { edgeWidth: sharpness.edgeWidth ?? undefined, edges: sharpness.edges },
      ...{ exposure, ground, edges: new Float64Array(rest.buffer) },
    };
  },
};
