/** @file Results as tables: what was measured, and how it stands to the peers and to the figures to reach. */
import { showBytes } from '../../workbench/index.ts';
import type { Case, Way } from './cases.ts';
import type { Everyday } from './everyday.ts';
import { enginesOf, type Row } from './results.ts';
import { type Figures, figuresOf } from './runs.ts';

export interface MeasuredCase {
  readonly one: Case;
  readonly row: Row;
  /** The machine's matmul peak: the best that was measured before any of its cases. */
  readonly peakGflops: number;
}

const show = (seconds: number): string =>
  seconds < 1 ? `${(1000 * seconds).toFixed(1)} ms` : `${seconds.toFixed(2)} s`;
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

function markdown(head: readonly string[], lines: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n');
}

function measurement({ one, row, peakGflops }: MeasuredCase, engine: string): string[] {
  const figures = figuresOf(row.engines[engine]);
  const { how, best, median, count, peakBytes, gflops, setupSeconds, others } = figures;
  return [
    one.name,
    how === undefined ? engine : `${engine} (${how})`,
    show(best),
    count > 1 ? show(median) : '',
    showBytes(peakBytes),
    gflops === undefined ? '' : `${gflops.toFixed(0)} (${percent(gflops / peakGflops)})`,
    setupSeconds === undefined ? '' : show(setupSeconds),
    others === undefined ? '' : percent(others),
    row.date,
  ];
}

const measuredHead = [
  'work',
  'engine',
  'best',
  'median',
  'peak memory',
  'GFLOP/s (of matmul peak)',
  'set-up',
  'others',
  'measured',
];

export function measuredTable(measured: readonly MeasuredCase[]): string {
  const lines = measured.flatMap(found =>
    enginesOf(found.one, found.row).map(engine => measurement(found, engine)),
  );
  return markdown(measuredHead, lines);
}

interface Comparison {
  readonly figure: string;
  readonly measured: string;
  readonly bound: string;
  readonly isReached: boolean | undefined;
}

/** Our time over each peer's, with the bound where there is one. */
function againstPeers({ one, row }: MeasuredCase, way: Way, ours: Figures): Comparison[] {
  const peers = one.peers.filter(peer => row.engines[peer]);
  return peers.map(peer => {
    const theirs = figuresOf(row.engines[peer]);
    const ratio = ours.best / theirs.best;
    const most = way.goals?.against?.[peer];
    return {
      figure: `${one.name}: ${way.engine} / ${peer}`,
      measured: `${ratio.toFixed(2)} (median ${(ours.median / theirs.median).toFixed(2)})`,
      bound: most === undefined ? '' : `≤ ${most.toFixed(2)}`,
      isReached: most === undefined ? undefined : ratio <= most,
    };
  });
}

/** What a peer's LoRAs cost it. */
function peersOverWithout({ one, row }: MeasuredCase): Comparison[] {
  return one.peers.flatMap(peer => {
    const { overWithout } = row.engines[peer] ? figuresOf(row.engines[peer]) : {};
    const figure = `${one.name}: ${peer}, over without LoRA`;
    return overWithout === undefined
      ? []
      : [{ figure, measured: overWithout.toFixed(3), bound: '', isReached: undefined }];
  });
}

/** Bounds of our figures by themselves. */
function ownBounds({ one, peakGflops }: MeasuredCase, way: Way, ours: Figures): Comparison[] {
  const { mostSeconds, mostBytes, mostOverWithout, leastPeakShare } = way.goals ?? {};
  const name = `${one.name}: ${way.engine}`;
  const found: Comparison[] = [];
  const add = (what: string, measured: string, bound: string, isReached: boolean): void => {
    found.push({ figure: `${name}, ${what}`, measured, bound, isReached });
  };
  if (mostSeconds !== undefined)
    add('time', show(ours.best), `≤ ${show(mostSeconds)}`, ours.best <= mostSeconds);
  if (mostBytes !== undefined)
    add('peak memory', showBytes(ours.peakBytes), `≤ ${showBytes(mostBytes)}`, ours.peakBytes <= mostBytes);
  if (mostOverWithout !== undefined && ours.overWithout !== undefined) {
    const isReached = ours.overWithout <= mostOverWithout;
    add('over without LoRA', ours.overWithout.toFixed(3), `≤ ${mostOverWithout.toFixed(2)}`, isReached);
  }
  if (leastPeakShare !== undefined && ours.gflops !== undefined) {
    const share = ours.gflops / peakGflops;
    add('share of matmul peak', percent(share), `≥ ${percent(leastPeakShare)}`, share >= leastPeakShare);
  }
  return found;
}

/** Every figure beside its bound, ours over the peers' and ours alone. */
export function comparisons(measured: MeasuredCase): Comparison[] {
  const { one, row } = measured;
  const own = one.ours
    .filter(({ engine }) => row.engines[engine])
    .flatMap(way => {
      const ours = figuresOf(row.engines[way.engine]);
      return [...againstPeers(measured, way, ours), ...ownBounds(measured, way, ours)];
    });
  return [...own, ...peersOverWithout(measured)];
}

const reached = (isReached: boolean | undefined): string =>
  isReached === undefined ? '' : isReached ? 'yes' : '**no**';

export function comparedTable(measured: readonly MeasuredCase[]): string | undefined {
  const lines = measured
    .flatMap(comparisons)
    .map(({ figure, measured: value, bound, isReached }) => [figure, value, bound, reached(isReached)]);
  return lines.length === 0 ? undefined : markdown(['figure', 'measured', 'to reach', 'reached'], lines);
}

export function everydayTable({ generateSeconds, firstStepSeconds, switchSeconds }: Everyday): string {
  const rows = [
    ['lora generate on pocket, 20 steps: start → PNG', ...generateSeconds.map(show)],
    ['the same: start → first step', ...firstStepSeconds.map(show)],
    ['another LoRA file of the same rank in a running process', '', show(switchSeconds)],
  ];
  return markdown(['what a user waits for', 'best', 'median'], rows);
}
