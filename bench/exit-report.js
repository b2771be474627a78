// Loaded with `node --import` before a command that `lora bench` measures: writes its time and memory when it ends.
// Plain JavaScript, because stripping types would take memory that the command does not take.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const status = '/proc/self/status';

process.on('exit', () => {
  const [, kilobytes] = existsSync(status) ? /^VmHWM:\s+(\d+)/m.exec(readFileSync(status, 'utf8')) : [];
  const peakBytes = 1024 * Number(kilobytes ?? process.resourceUsage().maxRSS);
  const measured = { seconds: [performance.now() / 1000], peakBytes };
  writeFileSync(process.env.LORA_BENCH_REPORT, JSON.stringify(measured));
});
