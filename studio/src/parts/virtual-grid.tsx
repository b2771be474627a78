// biome-ignore-all lint/a11y/useSemanticElements: a table cannot be laid out as a grid of which only a part exists
// biome-ignore-all lint/a11y/useFocusableInteractive: one cell of the grid is the tab stop, rows are none
/**
 * @file Ten thousand cards as a grid of which only those in view exist. Arrows, Home, End and Page keys move, Enter opens;
 * one tab stop for the whole grid. Scrolls with the page, or by itself (`isScroller`).
 */
import { type ComponentChildren, Fragment } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

export interface VirtualGridProps<T> {
  readonly label: string;
  readonly total: number;
  /** Undefined while it is not read yet: its place is kept. */
  readonly itemAt: (index: number) => T | undefined;
  readonly keyOf: (item: T) => string;
  /** What is read of a card. */
  readonly labelOf: (item: T) => string;
  readonly render: (item: T, index: number) => ComponentChildren;
  readonly onOpen?: ((item: T, index: number) => void) | undefined;
  /** Other keys pressed on a card. */
  readonly onKey?: ((event: KeyboardEvent, item: T, index: number) => void) | undefined;
  /** Which cards are wanted, for lists that are read piece by piece. */
  readonly onRange?: ((first: number, last: number) => void) | undefined;
  /** Columns are as many as fit. */
  readonly minWidth?: number | undefined;
  readonly gap?: number | undefined;
  /** Height of a card for its width. */
  readonly heightOf?: ((width: number) => number) | undefined;
  readonly isScroller?: boolean | undefined;
}

interface Shape {
  readonly columns: number;
  readonly cellWidth: number;
  readonly rowHeight: number;
}

const overscan = 2;

export function VirtualGrid<T>({
  label,
  total,
  itemAt,
  keyOf,
  labelOf,
  render,
  onOpen,
  onKey,
  onRange,
  minWidth = 180,
  gap = 12,
  heightOf = width => width,
  isScroller,
}: VirtualGridProps<T>) {
  const outer = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [rows, setRows] = useState({ first: 0, last: 0 });
  const [active, setActive] = useState(0);
  const wantsFocus = useRef(false);

  const columns = Math.max(1, Math.floor((width + gap) / (minWidth + gap)));
  const cellWidth = Math.max(0, (width - gap * (columns - 1)) / columns);
  const shape: Shape = { columns, cellWidth, rowHeight: heightOf(cellWidth) + gap };
  const rowCount = Math.ceil(total / columns);
  const height = Math.max(0, rowCount * shape.rowHeight - gap);

  const measure = useCallback(() => {
    const box = outer.current;
    if (!box || width === 0) return;
    const [top, seen] = isScroller
      ? [box.scrollTop, box.clientHeight]
      : [-box.getBoundingClientRect().top, window.innerHeight];
    const first = Math.max(0, Math.floor(top / shape.rowHeight) - overscan);
    const last = Math.min(rowCount - 1, Math.ceil((top + seen) / shape.rowHeight) + overscan);
    setRows(old => (old.first === first && old.last === last ? old : { first, last }));
  }, [width, shape.rowHeight, rowCount, isScroller]);

  useLayoutEffect(() => {
    const box = outer.current;
    if (!box) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(entry.contentRect.width));
    observer.observe(box);
    setWidth(box.clientWidth);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    measure();
    const target = isScroller ? outer.current : window;
    target?.addEventListener('scroll', measure, { passive: true });
    window.addEventListener('resize', measure);
    return () => {
      target?.removeEventListener('scroll', measure);
      window.removeEventListener('resize', measure);
    };
  }, [measure, isScroller]);
  useEffect(() => {
    if (total > 0) onRange?.(rows.first * columns, Math.min(total - 1, (rows.last + 1) * columns - 1));
  }, [rows.first, rows.last, columns, total, onRange]);
  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    const cell = outer.current?.querySelector<HTMLElement>(`[data-index="${active}"]`);
    if (!cell) return;
    const { activeElement } = document;
    const isElsewhere = activeElement !== document.body && !outer.current?.contains(activeElement);
    // A card that is read only now takes the place of an empty one, which had the focus.
    wantsFocus.current = !isElsewhere && itemAt(active) === undefined;
    if (!isElsewhere) cell.focus({ preventScroll: true });
  });

  const goTo = (index: number): void => {
    const next = Math.max(0, Math.min(total - 1, index));
    wantsFocus.current = true;
    setActive(next);
    scrollToRow(outer.current, Math.floor(next / columns), shape, isScroller ?? false);
    measure();
  };
  const press = (event: KeyboardEvent, index: number): void => {
    if (event.target !== event.currentTarget) return;
    const page = columns * Math.max(1, Math.floor(window.innerHeight / shape.rowHeight) - 1);
    const moves: Partial<Record<string, number>> = {
      ...{
        ArrowRight: index + 1,
        ArrowLeft: index - 1,
        ArrowDown: index + columns,
        ArrowUp: index - columns,
      },
      ...{ PageDown: index + page, PageUp: index - page, Home: 0, End: total - 1 },
    };
    const to = moves[event.key];
    const item = itemAt(index);
    if (to !== undefined && !event.altKey && !event.metaKey) {
      event.preventDefault();
      if (to >= 0 || event.key === 'PageUp') goTo(to);
    } else if (item !== undefined && event.key === 'Enter' && onOpen) {
      event.preventDefault();
      onOpen(item, index);
    } else if (item !== undefined) onKey?.(event, item, index);
  };

  const current = Math.min(active, Math.max(0, total - 1));
  const visible: number[] = [];
  for (let row = rows.first; row <= Math.min(rows.last, rowCount - 1); row++) visible.push(row);
  // The focused card stays in the page while it is scrolled away, or focus would be lost.
  const activeRow = Math.floor(current / columns);
  if (total > 0 && !visible.includes(activeRow)) visible.push(activeRow);

  return (
    <div
      ref={outer}
      class={`virtual-grid ${isScroller ? 'scroller' : ''}`}
      role="grid"
      aria-label={label}
      aria-rowcount={rowCount}
      aria-colcount={columns}
    >
      <div role="presentation" class="virtual-space" style={{ height: `${height}px` }}>
        {width > 0 &&
          visible.map(row => (
            <div
              key={row}
              role="row"
              class="virtual-row"
              aria-rowindex={row + 1}
              style={{
                transform: `translateY(${row * shape.rowHeight}px)`,
                height: `${shape.rowHeight - gap}px`,
                gap: `${gap}px`,
              }}
            >
              {cellsOf(row, columns, total).map(index => {
                const item = itemAt(index);
                return (
                  <div
                    key={index}
                    role="gridcell"
                    class="virtual-cell"
                    data-index={index}
                    aria-colindex={(index % columns) + 1}
                    aria-label={item === undefined ? 'Loading' : labelOf(item)}
                    tabIndex={index === current ? 0 : -1}
                    style={{ width: `${cellWidth}px` }}
                    onFocus={() => setActive(index)}
                    onKeyDown={event => press(event, index)}
                  >
                    {item === undefined ? (
                      <span class="virtual-wait" />
                    ) : (
                      <Fragment key={keyOf(item)}>{render(item, index)}</Fragment>
                    )}
                  </div>
                );
              })}
            </div>
          ))}
      </div>
    </div>
  );
}

function cellsOf(row: number, columns: number, total: number): number[] {
  const first = row * columns;
  return Array.from({ length: Math.min(columns, total - first) }, (_, i) => first + i);
}

function scrollToRow(box: HTMLElement | null, row: number, { rowHeight }: Shape, isScroller: boolean): void {
  if (!box) return;
  const top = row * rowHeight;
  if (isScroller) {
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + rowHeight > box.scrollTop + box.clientHeight)
      box.scrollTop = top + rowHeight - box.clientHeight;
    return;
  }
  const at = box.getBoundingClientRect().top + top;
  const foot = window.innerHeight - 72;
  if (at < 8) window.scrollBy(0, at - 72);
  else if (at + rowHeight > foot) window.scrollBy(0, at + rowHeight - foot);
}
