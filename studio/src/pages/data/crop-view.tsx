/** @file A picture with what training cuts off paled, and the border of what is left. */
import { Picture, type PictureWidth } from '../../parts/index.ts';
import { cropBox, type ReportPicture } from './report-view.ts';

export function CropView({
  url,
  alt,
  width,
  height,
  measured,
  size,
}: {
  readonly url: string;
  readonly alt: string;
  readonly width: number;
  readonly height: number;
  /** Undefined: without a crop. */
  readonly measured: ReportPicture | undefined;
  readonly size: PictureWidth;
}) {
  const box = measured && cropBox(measured);
  // A picture that EXIF turns is measured upright.
  const [w, h] = measured ? [measured.width, measured.height] : [width, height];
  return (
    <span
      class={`crop-frame ${w >= h ? 'wide' : 'high'}`}
      style={{ aspectRatio: `${Math.max(1, w)} / ${Math.max(1, h)}` }}
    >
      <Picture url={url} alt={alt} width={width} height={height} size={size} fit="contain" />
      {box && (
        <svg class="crop" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
          <path
            class="crop-away"
            fill-rule="evenodd"
            d={`M0 0H100V100H0ZM${box.left} ${box.top}V${box.top + box.height}H${box.left + box.width}V${box.top}Z`}
          />
          <rect class="crop-under" x={box.left} y={box.top} width={box.width} height={box.height} />
          <rect class="crop-edge" x={box.left} y={box.top} width={box.width} height={box.height} />
        </svg>
      )}
    </span>
  );
}
