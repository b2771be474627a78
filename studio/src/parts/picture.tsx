/** @file A picture of the studio: asked for in the width that is shown, when it comes into view, with room kept for it. */
import { useState } from 'preact/hooks';
import { pictureAt } from '../api/routes.ts';
import { Icon } from './icon.tsx';

export type PictureWidth = '96' | '320' | '640' | '1280' | 'full';

export function Picture({
  url,
  alt,
  width,
  height,
  size = '320',
  fit = 'cover',
  isEager,
  name,
}: {
  readonly url: string | undefined;
  /** What is to be seen; empty where the text beside it says it. */
  readonly alt: string;
  /** Its own size in pixels, for the room it needs. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** How wide it is served. */
  readonly size?: PictureWidth | undefined;
  readonly fit?: 'cover' | 'contain' | undefined;
  readonly isEager?: boolean | undefined;
  /** Of what has no picture: its first letter stands for it. */
  readonly name?: string | undefined;
}) {
  const [lost, setLost] = useState<string | undefined>(undefined);
  if (!url || lost === url)
    return (
      <span
        class={`picture-none ${name ? 'named' : ''}`}
        role={alt ? 'img' : 'presentation'}
        {...(alt ? { 'aria-label': alt } : {})}
      >
        {name ? name.trim().charAt(0).toUpperCase() : <Icon name="picture" size={28} />}
      </span>
    );
  // Small pictures (the pocket model draws 64 pixels) are enlarged as squares, not smeared.
  const isSmall = width !== undefined && width <= 128;
  return (
    <img
      class={`picture ${fit} ${isSmall ? 'small' : ''}`}
      src={url.startsWith('blob:') || url.startsWith('data:') ? url : pictureAt(url, size)}
      alt={alt}
      loading={isEager ? 'eager' : 'lazy'}
      decoding="async"
      draggable={false}
      {...(width && height ? { width, height } : {})}
      onError={() => setLost(url)}
    />
  );
}
