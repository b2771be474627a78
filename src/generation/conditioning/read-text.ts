/** @file One text of a prompt to chunks for every encoder, by the rules of a program. */
import { usageError } from '../../errors.ts';
import type { EncoderUse } from '../../models/index.ts';
import { parseAttention } from '../prompt/attention.ts';
import { parseComfyWeights } from '../prompt/comfy-weights.ts';
import { plainText, type WeightedText } from '../prompt/weighted-text.ts';
import type { Preset } from '../settings/presets.ts';
import type { EmphasisRule } from '../settings/schema.ts';
import { type ChunkRule, emptyChunk, fillChunks, type TokenChunk } from './chunks.ts';

/** 1,200 tokens of a prompt are read; a longer one is said to be cut. */
export const mostChunks = 16;

export interface ReadingRules {
  readonly emphasis: EmphasisRule;
  readonly syntax: Preset['syntax'];
  readonly longPrompts: Preset['longPrompts'];
}

/** A text as all encoders read it. */
export interface ReadText {
  /** Chunk by chunk, of each encoder. */
  readonly chunks: readonly (readonly TokenChunk[])[];
  /** What did not fit; empty when all did. */
  readonly truncated: string;
}

/** Without emphasis brackets are text, as in A1111. */
function piecesOf(text: string, { syntax, emphasis }: ReadingRules): WeightedText[] {
  if (syntax === 'plain' || emphasis === 'none') return plainText(text);
  return syntax === 'comfy' ? parseComfyWeights(text) : parseAttention(text);
}

function checkWeights(pieces: readonly WeightedText[]): void {
  const broken = pieces.find(({ weight }) => !Number.isFinite(weight));
  if (!broken) return;
  const message = `the weight of "${broken.text.slice(0, 40)}" in the prompt is ${broken.weight}`;
  throw usageError('PROMPT_SYNTAX', message, 'Weights from 0 to 2 make sense; brackets multiply.');
}

/** Reads a text; the encoders of a checkpoint get as many chunks each. Throws PROMPT_SYNTAX. */
export function readText(uses: readonly EncoderUse[], text: string, rules: ReadingRules): ReadText {
  const pieces = piecesOf(text, rules);
  checkWeights(pieces);
  const isCut = rules.longPrompts === 'cut';
  const rule: ChunkRule = isCut || rules.syntax === 'plain' ? 'full' : rules.syntax;
  const most = isCut ? 1 : mostChunks;
  const filled = uses.map(({ part }) => fillChunks(part.tokenizer, pieces, rule));
  const count = Math.min(most, Math.max(...filled.map(({ length }) => length)));
  const chunks = Array.from({ length: count }, (_, c) =>
    filled.map((own, e) => own[c] ?? emptyChunk(uses[e].part.tokenizer)),
  );
  const rest = filled[0].slice(most).flatMap(({ symbols }) => symbols);
  return { chunks, truncated: uses[0].part.tokenizer.toText(rest) };
}
