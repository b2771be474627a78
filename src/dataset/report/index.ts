export type { CaptionFault } from './caption-findings.ts';
export { type CaptionFacts, lookUpWord, readCaption, type WordKnowledge } from './captions.ts';
export { type Finding, type FindingCode, type Severity, severityOf, whatToDo } from './finding.ts';
export { type Goal, goals } from './goals.ts';
export { inspectKept } from './kept/inspect-kept.ts';
export {
  type ByteStore,
  type HotValues,
  type KeptMeasures,
  keepMeasures,
  openHotValues,
} from './kept/keep-measures.ts';
export { type DatasetReport, type ReportedPicture, type ReportRequest, reportDataset } from './report.ts';
export { thresholds } from './thresholds.ts';
