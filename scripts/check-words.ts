/** @file Fails when a tracked text speaks of what is not the product: machine paths, registry hosts, left-over markers. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const forbidden: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /(?<![\w.])\/(?:work|root|home)\/\w/, why: 'a path of one machine' },
  { pattern: /https?:\/\/[^\s"')]*(?:registry|pypi|npmjs|mirror)[^\s"')]*/i, why: 'a registry host' },
  { pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/, why: 'a marker for work not done' },
  { pattern: /^(?:<{7} |>{7} |={7}$)/m, why: 'a merge conflict' },
];
const own = 'scripts/check-words.ts';

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter(path => /(?:\.(?:ts|js|py|md|json|toml|yml|txt|sh)|\.ci\/\w+|\.npmrc)$/.test(path))
  .filter(path => path !== own && existsSync(path));
let found = 0;
for (const path of files) {
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    for (const { pattern, why } of forbidden) {
      const match = line.length < 20_000 && pattern.exec(line);
      if (!match) continue;
      console.error(`${path}:${index + 1}: ${match[0]} is ${why}`);
      found++;
    }
  }
}
console.log(`words: ${files.length} files, ${found} findings`);
process.exitCode = found > 0 ? 1 : 0;
