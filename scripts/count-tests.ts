/** @file Adds up test reports (vitest's JSON) and prints one closing line. */
import { readFileSync } from 'node:fs';

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
}

const reports = process.argv.slice(2).map(path => JSON.parse(readFileSync(path, 'utf8')) as Report);
const sum = (field: keyof Report): number => reports.reduce((total, report) => total + report[field], 0);
console.log(
  `${sum('numPassedTests')} passed, ${sum('numFailedTests')} failed, ${sum('numPendingTests')} skipped`,
);
