export type { CaptionFault } from './caption-findings.ts';
export { type CaptionFacts, lookUpWord, readCaption, type WordKnowledge } from './captions.ts';
export { type Finding, type FindingCode, type Severity, severityOf, whatToDo } from './finding.ts';
export { type Goal, goals } from './goals.ts';
export { type DatasetReport, type ReportedPicture, type ReportRequest, reportDataset } from './report.ts';
export { thresholds } from './thresholds.ts';
