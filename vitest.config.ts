import { defineConfig } from 'vitest/config';

const heavy = process.env.LORA_HEAVY === '1';
const report = heavy ? process.env.LORA_HEAVY_REPORT : process.env.LORA_TEST_REPORT;

export default defineConfig({
  test: {
    include: heavy
      ? ['test/heavy/**/*.test.ts']
      : ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'studio/src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: heavy ? [] : ['test/heavy/**', 'node_modules/**'],
    testTimeout: heavy ? 600_000 : 60_000,
    hookTimeout: heavy ? 600_000 : 60_000,
    globalSetup: 'test/support/temporary-space.ts',
    pool: 'forks',
    maxWorkers: heavy ? 1 : 2,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
  },
});
