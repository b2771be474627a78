/** @file Opens pictures as the scan does, without reading again the files that have not changed. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isSkip } from '../../findings.ts';
import { type Inspect, inspectPicture, inspectRead, mostFileBytes } from '../../inspect.ts';
import type { KeptMeasures } from './keep-measures.ts';
import { knownFileKind, scannedKind } from './kind.ts';

/** Clocks of file systems are coarse (FAT: 2 s): a file this young may change without looking changed. */
const youngNs = 2_500_000_000n;

interface Seen {
  /** Where one of them changes, the bytes may have. */
  readonly stamp: string;
  readonly isYoung: boolean;
}

async function see(path: string, now: number): Promise<Seen | undefined> {
  const facts = await stat(path, { bigint: true }).catch(() => undefined);
  if (!facts?.isFile() || facts.size > mostFileBytes) return undefined;
  const { size, mtimeNs, ctimeNs } = facts;
  const oldest = BigInt(now) * 1_000_000n - youngNs;
  return {
    stamp: `${size} ${mtimeNs} ${ctimeNs}`,
    isYoung: mtimeNs > oldest || ctimeNs > oldest,
  };
}

/** What `inspectPicture` says, from what is kept where that is known. Only pictures that can be used are kept. */
export function inspectKept(kept: KeptMeasures, now: () => number = Date.now): Inspect {
  return async (path, limits) => {
    const seen = await see(path, now());
    if (!seen) return inspectPicture(path, limits);
    const whose = [resolve(path)];
    const file = kept.get(knownFileKind, whose);
    const ofLimits = [limits.minSide, limits.maxPixels];
    if (file?.stamp === seen.stamp) {
      const facts = kept.get(scannedKind, [file.hash, ...ofLimits]);
      if (facts) return facts;
    }
    const bytes = await readFile(path).catch(() => undefined);
    if (!bytes) return inspectPicture(path, limits);
    const hash = createHash('sha256').update(bytes).digest('hex');
    if (!seen.isYoung && file?.stamp !== seen.stamp)
      kept.put(knownFileKind, whose, { stamp: seen.stamp, hash });
    const known = kept.get(scannedKind, [hash, ...ofLimits]);
    if (known) return known;
    const facts = await inspectRead(path, bytes, limits);
    if (!isSkip(facts)) kept.put(scannedKind, [hash, ...ofLimits], facts);
    return facts;
  };
}
