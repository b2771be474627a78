/** @file Two pictures on top of each other with an edge that can be moved: by pointer, by touch, by arrow keys. */
import { useState } from 'preact/hooks';
import { pictureAt } from '../api/routes.ts';

export interface AbSide {
  readonly url: string;
  readonly label: string;
}

export function AbSlider({
  before,
  after,
  width,
  height,
}: {
  readonly before: AbSide;
  readonly after: AbSide;
  /** Where they are known; else the picture's own. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}) {
  const [share, setShare] = useState(50);
  const [own, setOwn] = useState({ width: 0, height: 0 });
  const size = width && height ? { width, height } : own;
  const pixelated = size.width > 0 && size.width <= 128 ? 'small' : '';
  return (
    <div
      class="ab"
      style={{ '--edge': `${share}%`, '--ratio': size.height > 0 ? size.width / size.height : 1 }}
    >
      <img
        class={`picture cover ${pixelated}`}
        src={pictureAt(before.url, 'full')}
        alt={before.label}
        {...(size.width > 0 ? size : {})}
        onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) =>
          setOwn({ width: naturalWidth, height: naturalHeight })
        }
      />
      <img
        class={`picture cover ab-after ${pixelated}`}
        src={pictureAt(after.url, 'full')}
        alt={after.label}
        {...(size.width > 0 ? size : {})}
      />
      <span class="ab-label start">{before.label}</span>
      <span class="ab-label end">{after.label}</span>
      <span class="ab-edge" aria-hidden="true" />
      <input
        type="range"
        min={0}
        max={100}
        value={share}
        aria-label={`Edge between “${before.label}” and “${after.label}”`}
        aria-valuetext={`${share} % ${before.label}`}
        onInput={event => setShare(Number(event.currentTarget.value))}
      />
    </div>
  );
}
