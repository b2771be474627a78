/** @file An ONNX model as plain data, and its bytes. Field numbers are those of onnx.proto (IR version 10). */
import type { DType } from '../tensor/tensor.ts';
import { type ProtoWriter, writeMessage } from './protobuf.ts';

/** TensorProto.DataType. */
const dataTypes: Readonly<Partial<Record<DType, number>>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
  float8_e4m3: 17,
  float8_e5m2: 19,
};

export const opset = 21;

export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dtype: DType;
  /** Bytes inside the model, or a byte range of a file next to it. */
  readonly content:
    | Uint8Array
    | { readonly location: string; readonly offset: number; readonly length: number };
}

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly text: string }
  | { readonly graph: OnnxModel };

export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  readonly domain: '' | 'com.microsoft';
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxPort {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dtype: DType;
  /** The model does not tell the runtime its shape. */
  readonly isOpen?: boolean;
}

/** A model's graph, or the body of a loop, which also sees the names of the graph around it. */
export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}

/** The ONNX code of a dtype; throws for dtypes that ONNX has no code for. */
export function dataType(dtype: DType): number {
  const code = dataTypes[dtype];
  if (code === undefined) throw new Error(`ONNX models do not hold ${dtype} tensors here`);
  return code;
}

function writeTensor(w: ProtoWriter, tensor: OnnxTensor): void {
  for (const size of tensor.dims) w.varint(1, size);
  w.varint(2, dataType(tensor.dtype));
  w.bytes(8, tensor.name);
  if (tensor.content instanceof Uint8Array) {
    w.bytes(9, tensor.content);
    return;
  }
  for (const [key, value] of Object.entries(tensor.content)) {
    w.message(13, entry => {
      entry.bytes(1, key);
      entry.bytes(2, String(value));
    });
  }
  w.varint(14, 1); // data_location = EXTERNAL
}

function writeAttribute(w: ProtoWriter, name: string, attribute: OnnxAttribute): void {
  w.bytes(1, name);
  if ('int' in attribute) {
    w.varint(3, attribute.int);
    w.varint(20, 2);
  } else if ('float' in attribute) {
    w.float(2, attribute.float);
    w.varint(20, 1);
  } else if ('ints' in attribute) {
    for (const value of attribute.ints) w.varint(8, value);
    w.varint(20, 7);
  } else if ('graph' in attribute) {
    w.message(6, inner => writeGraph(inner, attribute.graph, name));
    w.varint(20, 5);
  } else {
    w.bytes(4, attribute.text);
    w.varint(20, 3);
  }
}

function writeNode(w: ProtoWriter, node: OnnxNode): void {
  for (const name of node.inputs) w.bytes(1, name);
  for (const name of node.outputs) w.bytes(2, name);
  w.bytes(3, node.name);
  w.bytes(4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    w.message(5, inner => writeAttribute(inner, name, attribute));
  }
  if (node.domain) w.bytes(7, node.domain);
}

function writePort(w: ProtoWriter, port: OnnxPort): void {
  w.bytes(1, port.name);
  w.message(2, type =>
    type.message(1, tensorType => {
      tensorType.varint(1, dataType(port.dtype));
      if (port.isOpen) return;
      tensorType.message(2, shape => {
        for (const size of port.dims) shape.message(1, dim => dim.varint(1, size));
      });
    }),
  );
}

function writeGraph(w: ProtoWriter, graph: OnnxModel, name: string): void {
  for (const node of graph.nodes) w.message(1, inner => writeNode(inner, node));
  w.bytes(2, name);
  for (const tensor of graph.initializers) w.message(5, inner => writeTensor(inner, tensor));
  for (const port of graph.inputs) w.message(11, inner => writePort(inner, port));
  for (const port of graph.outputs) w.message(12, inner => writePort(inner, port));
}

/** ModelProto bytes. */
export function serializeModel(model: OnnxModel): Uint8Array {
  return writeMessage(w => {
    w.varint(1, 10);
    w.bytes(2, 'lora-studio');
    w.message(7, graph => writeGraph(graph, model, 'graph'));
    for (const [domain, version] of [
      ['', opset],
      ['com.microsoft', 1],
    ] as const) {
      w.message(8, entry => {
        entry.bytes(1, domain);
        entry.varint(2, version);
      });
    }
  });
}
