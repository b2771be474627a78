/** @file Where something opens beside its button, and how high it may be, so that all of it is on the screen. */

export interface Room {
  readonly width: number;
  readonly height: number;
}

export interface Place {
  readonly left: number;
  readonly top: number;
  readonly maxHeight: number;
}

const margin = 8;
const gap = 6;
/** Lower than this is no use: then it covers its button. */
const leastHeight = 240;

/** Below where it fits, else above, else where there is more room, with less height. */
export function placeFor(
  from: Pick<DOMRect, 'top' | 'bottom' | 'left' | 'right'>,
  box: Room,
  screen: Room,
  align: 'start' | 'end',
): Place {
  const wanted = align === 'end' ? from.right - box.width : from.left;
  const left = Math.max(margin, Math.min(wanted, screen.width - box.width - margin));
  const below = screen.height - margin - (from.bottom + gap);
  const above = from.top - gap - margin;
  if (box.height <= below || (below >= above && below >= leastHeight))
    return { left, top: from.bottom + gap, maxHeight: below };
  if (box.height <= above) return { left, top: from.top - gap - box.height, maxHeight: above };
  if (above >= leastHeight) return { left, top: margin, maxHeight: above };
  const top = Math.max(margin, screen.height - margin - box.height);
  return { left, top, maxHeight: screen.height - margin - top };
}
