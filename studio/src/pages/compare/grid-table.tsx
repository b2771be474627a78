/** @file The grid as a table: labels stay in sight, a press shows a cell large. */
import { Picture, Spinner } from '../../parts/index.ts';
import { cellAt, cellLabel, type Grid, type GridCell } from './grid-model.ts';

export function GridTable({
  grid,
  sheet,
  zoom,
  size,
  onOpen,
}: {
  readonly grid: Grid;
  /** Position on the axes beyond x and y. */
  readonly sheet: readonly number[];
  /** Width of a cell. */
  readonly zoom: number;
  readonly size: { readonly width: number; readonly height: number };
  readonly onOpen: ((cell: GridCell) => void) | undefined;
}) {
  const [x, y] = grid.axes;
  if (!x) return null;
  const rows = y?.labels ?? [''];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <section class="grid-scroll" tabIndex={0} aria-label="The grid">
      <table class="grid-table" style={{ '--cell': `${zoom}px`, '--ratio': size.width / size.height }}>
        <caption class="aside-text">{[x.title, y?.title].filter(Boolean).join(' by ')}</caption>
        <thead>
          <tr>
            {y ? (
              <th scope="col" class="grid-corner small soft">
                <span class="grid-note">{x.title} →</span>
                <span class="grid-note">{y.title} ↓</span>
              </th>
            ) : (
              <td class="grid-corner small soft">{x.title}</td>
            )}
            {x.labels.map((label, i) => (
              <th key={label} scope="col">
                {label}
                {x.notes[i] && <span class="small soft numbers grid-note">{x.notes[i]}</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, j) => (
            <tr key={row}>
              {y ? (
                <th scope="row">
                  {row}
                  {y.notes[j] && <span class="small soft numbers grid-note">{y.notes[j]}</span>}
                </th>
              ) : (
                <td class="grid-none" />
              )}
              {x.labels.map((label, i) => (
                <td key={label}>
                  <Cell
                    grid={grid}
                    cell={cellAt(grid, y ? [i, j, ...sheet] : [i])}
                    width={size.width}
                    zoom={zoom}
                    height={size.height}
                    onOpen={onOpen}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Cell({
  grid,
  cell,
  width,
  height,
  zoom,
  onOpen,
}: {
  readonly grid: Grid;
  readonly cell: GridCell | undefined;
  readonly width: number;
  readonly height: number;
  readonly zoom: number;
  readonly onOpen: ((cell: GridCell) => void) | undefined;
}) {
  if (!cell?.url)
    return (
      <span class="grid-cell empty-cell">
        {cell ? <Spinner label="Not drawn yet" /> : <span class="aside-text">No picture</span>}
      </span>
    );
  const picture = (
    <Picture
      url={cell.url}
      alt={cellLabel(grid, cell)}
      size={zoom > 320 ? '640' : '320'}
      {...{ width, height }}
    />
  );
  if (!onOpen) return <span class="grid-cell">{picture}</span>;
  return (
    <button type="button" class="grid-cell" onClick={() => onOpen(cell)}>
      {picture}
    </button>
  );
}
