/** @file What the singular values of ΔW say: how much of a rank is really used. */

/** Ranks at which the share of the energy is told. */
export const shownRanks = [1, 2, 4, 8, 16, 32, 64, 128] as const;

export interface Spectrum {
  /** Largest first. */
  readonly singularValues: readonly number[];
  /** ‖ΔW‖² / σ₁²: how many directions as strong as the strongest would have this norm. */
  readonly stableRank: number;
  /** exp of the entropy of σᵢ/Σσ (Roy & Vetterli 2007). */
  readonly effectiveRank: number;
}

const squares = (values: readonly number[]): number => values.reduce((sum, x) => sum + x * x, 0);

/** Undefined for a module that changes nothing, or is not finite. */
export function spectrumOf(singularValues: ArrayLike<number>): Spectrum | undefined {
  const values = Array.from(singularValues);
  const total = values.reduce((sum, x) => sum + x, 0);
  if (!(total > 0 && Number.isFinite(total))) return undefined;
  const entropy = values.reduce((sum, x) => (x > 0 ? sum - (x / total) * Math.log(x / total) : sum), 0);
  return {
    singularValues: values,
    stableRank: squares(values) / values[0] ** 2,
    effectiveRank: Math.exp(entropy),
  };
}

export interface EnergyShare {
  readonly rank: number;
  /** Of ‖ΔW‖² of all modules, when each keeps its first `rank` singular values. */
  readonly share: number;
}

/** Energy that each rank keeps, for a whole LoRA: index r holds Σ over modules of the first r squares. */
function keptEnergy(spectra: readonly Spectrum[]): Float64Array {
  const longest = Math.max(0, ...spectra.map(({ singularValues }) => singularValues.length));
  const kept = new Float64Array(longest + 1);
  for (const { singularValues } of spectra)
    for (let rank = 1; rank <= longest; rank++) kept[rank] += (singularValues[rank - 1] ?? 0) ** 2;
  for (let rank = 1; rank <= longest; rank++) kept[rank] += kept[rank - 1];
  return kept;
}

export interface SpectrumSummary {
  /** Modules whose singular values are known. */
  readonly modules: number;
  /** Of the modules, the middle ones. */
  readonly stableRank: number;
  readonly effectiveRank: number;
  readonly energy: readonly EnergyShare[];
  /** The smallest ranks that keep these shares in all modules together. */
  readonly rankFor: { readonly '90': number; readonly '95': number; readonly '99': number };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Undefined when no module has a spectrum. */
export function summarizeSpectra(spectra: readonly Spectrum[]): SpectrumSummary | undefined {
  if (spectra.length === 0) return undefined;
  const kept = keptEnergy(spectra);
  const longest = kept.length - 1;
  const share = (rank: number): number => kept[rank] / kept[longest];
  const rankFor = (wanted: number): number => kept.findIndex((_, rank) => share(rank) >= wanted);
  return {
    modules: spectra.length,
    stableRank: median(spectra.map(({ stableRank }) => stableRank)),
    effectiveRank: median(spectra.map(({ effectiveRank }) => effectiveRank)),
    energy: [...shownRanks.filter(rank => rank < longest), longest].map(rank => ({
      rank,
      share: share(rank),
    })),
    rankFor: { '90': rankFor(0.9), '95': rankFor(0.95), '99': rankFor(0.99) },
  };
}
