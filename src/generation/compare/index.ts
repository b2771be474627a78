/** Comparison grids: axes and their values to cells, cells to pictures, resumable at every picture. */
export { axisTable } from './axes/table.ts';
export {
  type DrawGridOptions,
  type DrawnPicture,
  type DrawPictures,
  drawGrid,
  type GridProgress,
} from './draw-grid.ts';
export { nameOfLabels } from './file-name.ts';
export { type GridFolder, openGridFolder } from './grid-folder.ts';
export { readGridRecord, recordedSeeds } from './grid-record.ts';
export type { AxisText } from './parse-axis.ts';
export {
  type Grid,
  type GridAxis,
  type GridCell,
  type GridPicture,
  type GridRequest,
  type GridValue,
  planGrid,
} from './plan.ts';
export type { GridSheet } from './sheet-plan.ts';
