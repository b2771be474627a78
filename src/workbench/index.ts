/** The workbench: what both doors share of this machine: places, devices, plans, previews, sheets and how numbers are shown. */

export { combineFiles, keptSummary, openThinProducts, typeOfFiles } from './combine-files.ts';
export { type DataFolder, dataFolderAt, makeDataFolders, usualDataFolder } from './data-folder.ts';
export { datasetFacts, nameIn, type RunFacts } from './dataset-facts/facts.ts';
export { type MeasureCache, measureCacheIn } from './dataset-facts/measure-cache.ts';
export { type MeasuredSet, type MeasureRequest, measureSet } from './dataset-facts/measure-set.ts';
export { type Reader, readerOfBase, readerOfFamily } from './dataset-facts/reader.ts';
export {
  backgroundText,
  blindSpots,
  bucketText,
  captionText,
  countText,
  goalText,
  placeText,
  runText,
  triggerText,
} from './dataset-facts/words.ts';
export { checkDevice, type DeviceName, deviceHelp, openDevice } from './device.ts';
export { labelFonts } from './drawing/font.ts';
export {
  area,
  type Canvas,
  canvas,
  checkPlotPath,
  colors,
  dotAt,
  fitted,
  label,
  labelWidth,
  line,
  rectangle,
  toSvg,
  writePlot,
} from './drawing/svg.ts';
export { drawWith } from './grid-sheets/draw-pictures.ts';
export { type GridFacts, gridFacts, missingBytes } from './grid-sheets/grid-facts.ts';
export { openSheets, type WrittenSheet } from './grid-sheets/sheets.ts';
export {
  bar,
  cosineText,
  counted,
  field,
  number,
  oneLine,
  percent,
  start,
  table,
  tail,
  wrap,
} from './lines.ts';
export { describeLoad, describeLora } from './lora-load.ts';
export { openModelHash } from './model-hash.ts';
export { basePath, cacheFolder, openPocket, projectPath } from './places.ts';
export { knownSpeed } from './plan/known-speed.ts';
export { measureMatmulPeak } from './plan/matmul-peak.ts';
export { planMemory } from './plan/memory.ts';
export { describeHeld, describePlan } from './plan/plan.ts';
export { predictTime } from './plan/time.ts';
export { drawExamined } from './previews/draw-examined.ts';
export { openPreviewDrawer } from './previews/draw-preview.ts';
export { drawPreviewSheet } from './previews/preview-sheet.ts';
export { previewsOf, readPreviewLines } from './previews/previews-of.ts';
export { runSummary } from './runs/run-summary.ts';
export { type SettleRunRequest, settleRun } from './runs/settle-run.ts';
export { type PlannedRequest, planWithin, type RunWithin, trainPlanned } from './runs/train-planned.ts';
export { layOut } from './sheets/layout.ts';
export { joined } from './sheets/lines.ts';
export { drawSheet, type SampleRow } from './sheets/sheet.ts';
export { openSecondsLeft, openTimeLeft } from './time-left.ts';
export {
  addMeasured,
  choicesOf,
  describeTuning,
  type Measured,
  readTuning,
  thisMachine,
  tuningPath,
} from './tuning-file.ts';
export { showBytes, showSeconds } from './units.ts';
