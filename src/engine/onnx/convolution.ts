/**
 * @file Convolutions and their gradients as ONNX nodes, by the algorithm that `convolution-choice.ts` chooses.
 */
import type { Node } from '../graph/graph.ts';
import type { LoweringContext } from './context.ts';
import {
  type ConvolutionAlgorithm,
  type ConvolutionDirection,
  chooseConvolution,
  shapeOfConvolution,
} from './convolution-choice.ts';
import { winogradConvolution } from './winograd.ts';

function algorithmFor(
  { capabilities }: LoweringContext,
  node: Node<'conv2d'> | Node<'conv2dInputGradient'>,
  direction: ConvolutionDirection,
): ConvolutionAlgorithm {
  if (!capabilities.winograd) return 'direct';
  return chooseConvolution(shapeOfConvolution(node), direction, capabilities.convolutions);
}

const tileOf = { winograd4: 4, winograd2: 2 } as const;

export function conv2d(
  ctx: LoweringContext,
  [x, w, bias]: readonly string[],
  node: Node<'conv2d'>,
): string[] {
  const { stride, pads } = node.attributes;
  const [outChannels, , kernel] = node.inputs[1].shape;
  const algorithm = algorithmFor(ctx, node, 'forward');
  if (algorithm !== 'direct') {
    const image = node.inputs[0].shape;
    const kernelShape = node.inputs[1].shape;
    const y = winogradConvolution(ctx, {
      x,
      w,
      image,
      kernel: kernelShape,
      pads,
      tile: tileOf[algorithm],
      backward: false,
    });
    return [bias ? ctx.emit('Add', [y, ctx.reshape(bias, [1, outChannels, 1, 1])]) : y];
  }
  const inputs = bias ? [x, w, bias] : [x, w];
  return [ctx.emit('Conv', inputs, { kernel_shape: [kernel, kernel], pads, strides: [stride, stride] })];
}

/** The kernel turned by 180°, its channels exchanged: [out, in, k, k] → [in, out, k, k]. */
function rotated(ctx: LoweringContext, w: string): string {
  const backwards = [-1, -1];
  const end = [-(2 ** 31), -(2 ** 31)];
  const exchanged = ctx.transpose(w, [1, 0, 2, 3]);
  const ranges = [backwards, end, [2, 3], backwards].map(values => ctx.int64(values));
  return ctx.emit('Slice', [exchanged, ...ranges]);
}

/** Cotangent of the picture: the transposed convolution with the same stored weight. */
export function conv2dInputGradient(
  ctx: LoweringContext,
  [g, w]: readonly string[],
  node: Node<'conv2dInputGradient'>,
): string[] {
  const { stride, pads, inputShape } = node.attributes;
  const image = node.inputs[0].shape;
  const [outChannels, inChannels, kernel] = node.inputs[1].shape;
  const [batch, , height, width] = inputShape;
  if (kernel === 1 && stride === 1 && ctx.capabilities.fusedMatMul) {
    const pixels = ctx.reshape(g, [batch, outChannels, height * width]);
    const matrix = ctx.reshape(w, [outChannels, inChannels]);
    return [ctx.reshape(ctx.emitMicrosoft('FusedMatMul', [matrix, pixels], { transA: 1 }), inputShape)];
  }
  const algorithm = algorithmFor(ctx, node, 'backward');
  if (algorithm !== 'direct') {
    const options = {
      x: g,
      w,
      image,
      kernel: node.inputs[1].shape,
      pads,
      tile: tileOf[algorithm],
      backward: true,
    } as const;
    return [winogradConvolution(ctx, options)];
  }
  const [top, left, bottom, right] = pads;
  if (ctx.capabilities.constantWeights && stride === 1 && pads.every(pad => pad === pads[0])) {
    const side = kernel - 1 - pads[0];
    return [
      ctx.emit('Conv', [g, rotated(ctx, w)], {
        kernel_shape: [kernel, kernel],
        pads: [side, side, side, side],
        strides: [1, 1],
      }),
    ];
  }
  const missing = [
    height - ((image[2] - 1) * stride - top - bottom + kernel),
    width - ((image[3] - 1) * stride - left - right + kernel),
  ];
  return [
    ctx.emit('ConvTranspose', [g, w], {
      kernel_shape: [kernel, kernel],
      pads,
      strides: [stride, stride],
      output_padding: missing,
    }),
  ];
}

/**
 * Cotangent of the kernel: a convolution of the picture with the cotangent as (dilated) kernel, where channels and
 * batch change places. [in, n, h, w] ∗ [out, n, h', w'] → [in, out, k, k].
 */
export function conv2dWeightGradient(
  ctx: LoweringContext,
  [g, x]: readonly string[],
  node: Node<'conv2dWeightGradient'>,
): string[] {
  const { stride, pads, weightShape } = node.attributes;
  const [, , gHeight, gWidth] = node.inputs[0].shape;
  const [, , height, width] = node.inputs[1].shape;
  const [top, left, bottom, right] = pads;
  const kernel = weightShape[2];
  const swap = [1, 0, 2, 3];
  const product = ctx.emit('Conv', [ctx.transpose(x, swap), ctx.transpose(g, swap)], {
    kernel_shape: [gHeight, gWidth],
    pads,
    dilations: [stride, stride],
    strides: [1, 1],
  });
  const extra = [
    height + top + bottom - (gHeight - 1) * stride,
    width + left + right - (gWidth - 1) * stride,
  ];
  const exact = extra.every(size => size === kernel)
    ? product
    : ctx.emit('Slice', [product, ctx.int64([0, 0]), ctx.int64([kernel, kernel]), ctx.int64([2, 3])]);
  return [ctx.transpose(exact, swap)];
}
