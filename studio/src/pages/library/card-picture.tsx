/** @file The picture of a card, or its pattern. */
import type { ApiCard } from '../../../../src/server/api-types.ts';
import { Picture, type PictureWidth } from '../../parts/index.ts';
import { hueOf, patternOf } from './card-pattern.ts';

export function CardPicture({
  card,
  alt = '',
  size = '320',
  fit = 'cover',
}: {
  readonly card: Pick<ApiCard, 'id' | 'family' | 'previewUrl'>;
  readonly alt?: string;
  readonly size?: PictureWidth;
  readonly fit?: 'cover' | 'contain';
}) {
  if (card.previewUrl) return <Picture url={card.previewUrl} alt={alt} size={size} fit={fit} />;
  const { paths, size: side } = patternOf(card.id);
  return (
    <svg
      class="card-pattern"
      viewBox={`0 0 ${side} ${side}`}
      preserveAspectRatio="xMidYMid slice"
      style={{ '--hue': hueOf(card.family) }}
      aria-hidden="true"
      shape-rendering="crispEdges"
    >
      {paths.map((path, level) => path && <path key={level} class={`level-${level}`} d={path} />)}
    </svg>
  );
}
