// Loaded with `node --import` before a command that `lora bench` measures: writes its time and memory when it ends.
// Plain JavaScript, because stripping types would take memory that the command does not take.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const [status, stat] = ['/proc/self/status', '/proc/stat'];

/** Seconds of all cores since boot, as src/cli/bench/others.ts has them. */
function coreSeconds() {
  const ticks = readFileSync(stat, 'utf8').split('\n')[0].trim().split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((a, b) => a + b, 0);
  return { busy: (all - ticks[3] - ticks[4]) / 100, all: all / 100 };
}

function othersSince(before) {
  const after = coreSeconds();
  const { user, system } = process.cpuUsage();
  return Math.max(0, after.busy - before.busy - (user + system) / 1e6) / (after.all - before.all);
}

const before = existsSync(stat) ? coreSeconds() : undefined;

process.on('exit', () => {
  const [, kilobytes] = existsSync(status) ? /^VmHWM:\s+(\d+)/m.exec(readFileSync(status, 'utf8')) : [];
  const peakBytes = 1024 * Number(kilobytes ?? process.resourceUsage().maxRSS);
  const others = before && othersSince(before);
  const measured = { seconds: [performance.now() / 1000], peakBytes, others };
  writeFileSync(process.env.LORA_BENCH_REPORT, JSON.stringify(measured));
});
