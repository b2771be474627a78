/**
 * @file Which algorithm computes a convolution, by shape and direction: a fixed table that was measured on one machine
 * (docs/decisions/0002-convolution-algorithms.md), and choices that were measured on this one, which go before it.
 */
import type { Node } from '../graph/graph.ts';
import type { Pads } from '../graph/operations.ts';

export interface ConvolutionShape {
  readonly batch: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pads: Pads;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Of the picture that the layer reads, in both directions. */
  readonly height: number;
  readonly width: number;
}

/** Backward is the gradient by the picture. */
export type ConvolutionDirection = 'forward' | 'backward';
export type ConvolutionAlgorithm = 'direct' | 'winograd2' | 'winograd4';

/** Measured choices by `convolutionKey`; what is missing is chosen by the table. */
export type ConvolutionChoices = ReadonlyMap<string, ConvolutionAlgorithm>;

/** A convolution as text: `forward 1×320×64×64 → 320, 3×3/1 pads 1,1,1,1`. */
export function convolutionKey(shape: ConvolutionShape, direction: ConvolutionDirection): string {
  const { batch, kernel, stride, pads, inChannels, outChannels, height, width } = shape;
  const picture = [batch, inChannels, height, width].join('×');
  return `${direction} ${picture} → ${outChannels}, ${kernel}×${kernel}/${stride} pads ${pads.join()}`;
}

export function shapeOfConvolution(node: Node<'conv2d'> | Node<'conv2dInputGradient'>): ConvolutionShape {
  const picture = 'inputShape' in node.attributes ? node.attributes.inputShape : node.inputs[0].shape;
  const [outChannels, inChannels, kernel] = node.inputs[1].shape;
  const [batch, , height, width] = picture;
  const { stride, pads } = node.attributes;
  return { batch, kernel, stride, pads, inChannels, outChannels, height, width };
}

/** The algorithms that give the right result for a shape. */
export function possibleAlgorithms(
  { kernel, stride, pads, height, width }: ConvolutionShape,
  direction: ConvolutionDirection,
): ConvolutionAlgorithm[] {
  const [top, left, bottom, right] = pads;
  const isBand = direction === 'forward' && left === 1 && right === 1 && top <= 1 && bottom <= 1;
  const rows = height + top + bottom - 2;
  if (kernel !== 3 || stride !== 1 || !(isBand || pads.every(pad => pad === 1)) || rows <= 0)
    return ['direct'];
  const fits = (tile: number): boolean => rows % tile === 0 && width % tile === 0;
  return ['direct', ...(fits(2) ? ['winograd2' as const] : []), ...(fits(4) ? ['winograd4' as const] : [])];
}

/** Smallest picture (as the side of a square) and channel count from which Winograd with its weights transformed in the graph pays. */
const winogradFromSide = 32;
const winogradFromChannels = 64;

/** The input gradient of a wide layer pays from here on with F(2×2,3×3): 33 ms instead of 44 at 1280 channels. */
const winogradBackwardFromSide = 16;
const winogradBackwardFromChannels = 1280;

/** 3×3 convolutions on large pictures run as Winograd F(4×4,3×3) or F(2×2,3×3) (Lavin & Gray 2015). */
export function tabledConvolution(
  shape: ConvolutionShape,
  direction: ConvolutionDirection,
): ConvolutionAlgorithm {
  const { pads, inChannels, outChannels, height, width } = shape;
  const possible = possibleAlgorithms(shape, direction);
  const channels = Math.min(inChannels, outChannels);
  if (!possible.includes('winograd2') || channels < winogradFromChannels) return 'direct';
  const rows = height + pads[0] + pads[2] - 2;
  if (rows * width >= winogradFromSide ** 2)
    return possible.includes('winograd4') ? 'winograd4' : 'winograd2';
  const isWide = channels >= winogradBackwardFromChannels;
  const isLarge = Math.min(height, width) >= winogradBackwardFromSide;
  return direction === 'backward' && isWide && isLarge ? 'winograd2' : 'direct';
}

/** The measured choice where there is one that this shape allows, else the table's. */
export function chooseConvolution(
  shape: ConvolutionShape,
  direction: ConvolutionDirection,
  measured?: ConvolutionChoices,
): ConvolutionAlgorithm {
  const choice = measured?.get(convolutionKey(shape, direction));
  const isPossible = choice !== undefined && possibleAlgorithms(shape, direction).includes(choice);
  return isPossible ? choice : tabledConvolution(shape, direction);
}
