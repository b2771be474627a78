/** Faults that only a whole process has: Ctrl-C, a full disk, a read-only folder, two runs at once. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { node, type Outcome, start } from '../support/command-line.ts';
import { pictureFolder, temporaryFolder } from '../support/pictures.ts';

/** Several whole processes a test, each with its own ONNX Runtime: seconds on a free machine, minutes on a busy one. */
vi.setConfig({ testTimeout: 300_000 });

const folder = pictureFolder(2);
const quick = ['--batch', '1', '--rank', '2', '--targets', 'mid_block*attn2.to_v', '--no-cache'];
/** Fixes the times in metadata, so that whole files can be compared. */
const fixedTime = { SOURCE_DATE_EPOCH: '1700000000' };

const train = (out: string, ...options: string[]) =>
  start(['train', folder, '--out', out, ...quick, ...options], undefined, fixedTime);

test('Ctrl-C saves the run state and exits with 130; resumed, the file is the same to the last byte', async () => {
  const [whole, parts] = [join(temporaryFolder(), 'x.safetensors'), join(temporaryFolder(), 'x.safetensors')];
  const steps = ['--steps', '12', '--save-every', '1'];
  const interrupted = train(parts, ...steps, '--json');
  const uninterrupted = train(whole, ...steps);
  await interrupted.seen('step00000002');
  interrupted.process.kill('SIGINT');
  const stopped = await interrupted.outcome;
  expect(stopped.status, stopped.stderr).toBe(130);
  const facts = JSON.parse(stopped.stdout);
  expect(facts).toMatchObject({
    finished: false,
    file: null,
    runState: parts.replace('.safetensors', '.run-state'),
  });
  expect(facts.steps).toBeGreaterThanOrEqual(2);
  expect(facts.steps).toBeLessThan(12);
  expect(existsSync(parts)).toBe(false);
  const resumed = await train(parts, ...steps, '--resume').outcome;
  expect(resumed.stderr).toContain(`resumed at step ${facts.steps}`);
  expect((await uninterrupted.outcome).status).toBe(0);
  expect(readFileSync(parts).equals(readFileSync(whole))).toBe(true);
  expect(readdirSync(join(parts, '..')).sort()).toEqual(readdirSync(join(whole, '..')).sort());
});

test('Ctrl-C before the first step: exit code 130, and nothing is left', async () => {
  const out = join(temporaryFolder(), 'x.safetensors');
  const run = train(out, '--steps', '1000', '--json');
  await run.seen('reading pictures');
  run.process.kill('SIGINT');
  const { status, stdout, stderr } = await run.outcome;
  expect(status, stderr).toBe(130);
  expect(JSON.parse(stdout)).toMatchObject({ finished: false, file: null, runState: null });
  expect(readdirSync(join(out, '..'))).toEqual([]);
});

/** A shell that limits the size of files it writes: the write fails in its middle, as on a full disk. */
const limited = (blocks: number): string[] => ['bash', '-c', `ulimit -f ${blocks}; exec "$@"`, 'bash', node];

test('a LoRA that cannot be written whole leaves no file, and the steps are kept', async () => {
  const out = join(temporaryFolder(), 'x.safetensors');
  // A long trigger word makes 25 kB of metadata; the run state has 14 kB. The limit is between them.
  const steps = ['--steps', '2', '--trigger', 'a'.repeat(5000)];
  const options = ['train', folder, '--out', out, ...quick, ...steps];
  const { status, stderr } = await start(['src/cli/main.ts', ...options], limited(18), fixedTime).outcome;
  expect(stderr).toContain('error WRITE_NO_SPACE');
  expect(stderr).toContain('--resume goes on');
  expect(status).toBe(1);
  expect(readdirSync(join(out, '..'))).toEqual(['x.run', 'x.run-state']);
  const resumed = await train(out, ...steps, '--resume').outcome;
  expect(resumed.status, resumed.stderr).toBe(0);
  expect(readdirSync(join(out, '..'))).toEqual(['x.run', 'x.safetensors']);
});

/** A file system of 64 kB in memory; undefined where this user may not mount. */
function mountTiny(): string | undefined {
  const path = temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path], { stdio: 'ignore' });
    return path;
  } catch {
    return undefined;
  }
}
const tiny = mountTiny();
afterEach(() => {
  if (tiny) execFileSync('mount', ['-o', 'remount,rw', tiny]);
});
afterAll(() => {
  if (tiny) execFileSync('umount', ['-l', tiny]);
});

async function expectRefusal(run: Promise<Outcome>, code: string): Promise<void> {
  const { status, stderr } = await run;
  expect(`${status} ${stderr}`).toContain(`error ${code}`);
  expect(status).toBe(1);
}

test.skipIf(!tiny)('a disk without space is found before the first step', async () => {
  const out = join(tiny as string, 'x.safetensors');
  await expectRefusal(train(out, '--steps', '1', '--rank', '64').outcome, 'WRITE_NO_SPACE');
  expect(readdirSync(tiny as string)).toEqual([]);
});

test.skipIf(!tiny)('a read-only disk', async () => {
  execFileSync('mount', ['-o', 'remount,ro', tiny as string]);
  await expectRefusal(train(join(tiny as string, 'x.safetensors'), '--steps', '1').outcome, 'WRITE_DENIED');
});

test('two runs on one output: one trains, the other is refused', async () => {
  const out = join(temporaryFolder(), 'x.safetensors');
  const runs = [train(out, '--steps', '3'), train(out, '--steps', '3')];
  const outcomes = await Promise.all(runs.map(run => run.outcome));
  expect(outcomes.map(({ status }) => status).sort()).not.toEqual([0, 0]);
  expect(outcomes.filter(({ status }) => status === 0)).toHaveLength(1);
  const refused = outcomes.find(({ status }) => status !== 0) as Outcome;
  // Busy while the other runs; there already if the other was done before this one looked.
  expect(refused.stderr).toMatch(/error (OUTPUT_BUSY|OUT_EXISTS)/);
  expect(readdirSync(join(out, '..'))).toEqual(['x.run', 'x.safetensors']);
});
