/** @file The autoencoder of a generator: latents to pixels, and pictures to latents, checked for NaN. */
import { inpaintChannels, type MaskedPicture } from '../diffusion/index.ts';
import { isAllFinite, type SessionOptions, type Tensor } from '../engine/index.ts';
import { type Checkpoint, openVaeDecoder, openVaeEncoder } from '../models/index.ts';
import { notFinite } from './not-finite.ts';

export interface Autoencoder {
  /** Latent [c, h, w] → picture [1, 3, 8·h, 8·w] in −1 … 1; `findings` says when it had to be done again elsewhere. */
  decode(latent: Tensor, findings: string[]): Promise<Tensor>;
  /** Picture [1, 3, h, w] → latent [1, c, h/8, w/8]; the last picture's is kept. */
  encode(pixels: Tensor): Promise<Tensor>;
  /** The same for many, of which none is kept. */
  encodeAll(pictures: readonly Tensor[]): Promise<Tensor[]>;
  /** What an inpainting UNet reads beside the latent: [1, 1 + c, h/8, w/8]; the last picture's is kept. */
  inpaintChannels(picture: MaskedPicture): Promise<Tensor>;
  release(): Promise<void>;
}

/** Remembers the last result by the objects it was made of. */
function keepLast<From extends object, T>(make: (from: From) => Promise<T>): (from: From) => Promise<T> {
  let last: { readonly parts: readonly unknown[]; readonly result: T } | undefined;
  return async from => {
    const parts = Object.values(from);
    if (!last?.parts.every((part, i) => part === parts[i])) last = { parts, result: await make(from) };
    return last.result;
  };
}

/** The encoder is opened when it is needed and not kept: pictures are encoded seldom, and the UNet needs the memory. */
export function openAutoencoder(
  checkpoint: Checkpoint,
  options: SessionOptions & { readonly wholeUpTo?: number },
): Autoencoder {
  const decoder = openVaeDecoder(checkpoint, options);
  const encoding = async <T>(
    work: (encode: (pixels: Tensor) => Promise<Tensor>) => Promise<T>,
  ): Promise<T> => {
    const encoder = openVaeEncoder(checkpoint, options);
    try {
      return await work(async pixels => {
        const latent = await encoder.encode(pixels);
        if (!isAllFinite(latent.data)) throw notFinite('the VAE encoded a picture to NaN');
        return latent;
      });
    } finally {
      await encoder.release();
    }
  };
  /** Devices other than the processor may compute in fewer bits than the autoencoder of SDXL needs. */
  const decodeOnProcessor = async (latent: Tensor): Promise<Tensor> => {
    const other = openVaeDecoder(checkpoint, { ...options, provider: 'cpu' });
    try {
      return await other.decode(latent);
    } finally {
      await other.release();
    }
  };
  return {
    async decode(latent, findings) {
      const batch = { shape: [1, ...latent.shape], data: latent.data };
      const decoded = await decoder.decode(batch);
      if (isAllFinite(decoded.data)) return decoded;
      if (options.provider !== undefined && options.provider !== 'cpu') {
        const again = await decodeOnProcessor(batch);
        if (isAllFinite(again.data)) {
          findings.push(`the VAE gave NaN on ${options.provider}; decoded again on the processor in float32`);
          return again;
        }
      }
      throw notFinite('the VAE decoded a finite latent to NaN');
    },
    encode: keepLast((pixels: Tensor) => encoding(encode => encode(pixels))),
    encodeAll: pictures =>
      encoding(async encode => {
        const latents: Tensor[] = [];
        for (const pixels of pictures) latents.push(await encode(pixels));
        return latents;
      }),
    inpaintChannels: keepLast((picture: MaskedPicture) =>
      encoding(encode => inpaintChannels(picture, encode)),
    ),
    release: () => decoder.release(),
  };
}
