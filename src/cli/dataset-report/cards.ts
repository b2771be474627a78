/** @file One picture of the page: the whole of it with the crop drawn in, its numbers, its caption as it is read. */
import { type FindingCode, type ReportedPicture, severityOf } from '../../dataset/index.ts';
import { nameIn, number } from '../../workbench/index.ts';

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for HTML; control characters become spaces, also those that turn the direction of writing. */
export const escaped = (text: string): string =>
  text
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replace(/[&<>"']/g, character => escapes[character]);

/** Everything is drawn in units of the picture's pixels on a longest side of this. */
const unit = 320;

function drawnSize({ picture: { width, height } }: ReportedPicture): { width: number; height: number } {
  const scale = unit / Math.max(width, height);
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** The picture itself, once; cards and strips refer to it. */
export function sprite(picture: ReportedPicture, i: number): string {
  const { width, height } = drawnSize(picture);
  const data = picture.thumbnail ? Buffer.from(picture.thumbnail).toString('base64') : '';
  const image = `<image width="${width}" height="${height}" preserveAspectRatio="none" href="data:image/jpeg;base64,${data}"/>`;
  return `<symbol id="s${i}" viewBox="0 0 ${width} ${height}">${image}</symbol>`;
}

export function thumbnail(picture: ReportedPicture, i: number): string {
  const { width, height } = drawnSize(picture);
  return `<svg viewBox="0 0 ${width} ${height}" role="img"><use href="#s${i}"/></svg>`;
}

/** The picture with all that is cut off paled, and the crop's border. */
function view(picture: ReportedPicture, i: number): string {
  const { width, height } = drawnSize(picture);
  const { placed } = picture;
  const [sx, sy] = [width / placed.resized.width, height / placed.resized.height];
  const [x, y] = [placed.crop.left * sx, placed.crop.top * sy];
  const [w, h] = [placed.bucket.width * sx, placed.bucket.height * sy];
  const isWhole = picture.cutAway < 0.002;
  const hole = `M0 0H${width}V${height}H0ZM${x} ${y}V${y + h}H${x + w}V${y}Z`;
  const box = `x="${x + 1}" y="${y + 1}" width="${Math.max(0, w - 2)}" height="${Math.max(0, h - 2)}"`;
  const crop = isWhole
    ? ''
    : `<path class="cut" fill-rule="evenodd" d="${hole}"/><rect class="under" ${box}/><rect class="edge" ${box}/>`;
  return `<svg class="view" viewBox="0 0 ${width} ${height}" role="img"><use href="#s${i}"/>${crop}</svg>`;
}

const shortNames: Partial<Readonly<Record<FindingCode, string>>> = {
  PICTURE_BLURRED: 'blurred',
  PICTURE_ENLARGED: 'enlarged',
  PICTURE_JPEG_DAMAGE: 'JPEG damage',
  PICTURE_TOO_DARK: 'too dark',
  PICTURE_TOO_BRIGHT: 'too bright',
  PICTURE_LOW_CONTRAST: 'low contrast',
  PICTURE_CUT: 'much cut off',
  PICTURE_TURNED: 'turned upright (EXIF)',
  PICTURE_HAS_PLACE: 'GPS place in file',
  PICTURE_TRANSPARENT: 'transparency on white',
  PICTURE_COLOR_PROFILE: 'colours converted',
};

const badge = (severity: string, text: string): string =>
  `<span class="badge ${severity}">${escaped(text)}</span>`;

function badges({ codes, tokens, picture }: ReportedPicture, copies: number): string {
  const all = codes.map(code => badge(severityOf(code), shortNames[code] ?? code));
  if (tokens.cut !== '') all.push(badge('medium', 'caption cut off'));
  if (picture.captionSource === 'none') all.push(badge('high', 'no caption'));
  if (copies > 1) all.push(badge('high', `nearly the same as ${copies - 1} other${copies > 2 ? 's' : ''}`));
  return all.join('');
}

function numbers({
  picture,
  placed,
  scale,
  cutAway,
  sharpness,
  jpegQuality,
  tokens,
}: ReportedPicture): string {
  const { resized, bucket } = placed;
  const parts = [
    `${picture.width}×${picture.height} → ${bucket.width}×${bucket.height}`,
    scale > 1.005 ? `enlarged ×${number(scale)}` : scale < 0.995 ? `reduced ×${number(scale)}` : 'as it is',
    cutAway < 0.002 ? 'nothing cut off' : `${(100 * cutAway).toFixed(cutAway < 0.1 ? 1 : 0)} % cut off`,
    sharpness.edgeWidth === undefined ? 'no edges' : `edges ${sharpness.edgeWidth.toFixed(1)} px`,
    ...(jpegQuality === undefined ? [] : [`JPEG ${jpegQuality}`]),
    ...(picture.repeats > 1 ? [`×${picture.repeats} repeats`] : []),
    `${tokens.tokens.length} tokens`,
  ];
  return `<p class="nums" title="scaled to ${resized.width}×${resized.height}">${parts.join(' · ')}</p>`;
}

/** Tokens next to each other, a mark where the next chunk begins, and what is cut off struck out. */
function caption({ tokens: { tokens, perChunk, cut } }: ReportedPicture): string {
  if (tokens.length === 0) return '';
  const parts = tokens.map((token, i) => {
    const mark =
      i > 0 && i % perChunk === 0 ? '<span class="chunk" title="the next chunk begins">¶ </span>' : '';
    const text = token.trimEnd();
    const shown = text === '' ? '' : `<span class="t">${escaped(text)}</span>`;
    return mark + shown + (token.endsWith(' ') ? ' ' : '');
  });
  const rest = cut === '' ? '' : ` <del>${escaped(cut)}</del>`;
  return `<p class="caption">${parts.join('')}${rest}</p>`;
}

export function card(picture: ReportedPicture, i: number, folder: string, copies: number): string {
  return `<div class="card" id="p${i}">${view(picture, i)}<div class="body">
<h3>${escaped(nameIn(folder, picture.picture.path))}</h3>
${numbers(picture)}<div>${badges(picture, copies)}</div>${caption(picture)}</div></div>`;
}
