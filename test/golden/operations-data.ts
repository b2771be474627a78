/** @file Reads the operations' goldens (tools/goldens/operations.py) and builds a graph for each of them. */
import { fileURLToPath } from 'node:url';
import * as f from '../../src/engine/index.ts';
import { openSafetensors, readTensorBytes, type SafetensorsFile } from '../../src/files/index.ts';

type Kind = keyof typeof builders;

interface CaseDescription {
  readonly name: string;
  readonly kind: Kind;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Names of the inputs, in the order that the builder takes them. */
  readonly roles: readonly string[];
}

/** One case: an operation or composition with the numbers that torch computes in float64. */
export interface OperationGolden extends CaseDescription {
  /** Float32 or int64, by role; `cotangent` is among them. */
  readonly feeds: Readonly<Record<string, f.Feed>>;
  readonly output: Float64Array;
  /** Gradients of sum(output · cotangent), by role. */
  readonly gradients: ReadonlyMap<string, Float64Array>;
}

type Builder = (inputs: readonly f.Value[], attributes: never) => f.Value;

const builders = {
  conv2d: ([x, w, b], options: { stride: number; pads: [number, number, number, number] }) =>
    f.conv2d(x, w, b, options),
  groupNorm: ([x, gain, bias], { groups, epsilon }: { groups: number; epsilon: number }) =>
    f.groupNorm(x, groups, gain, bias, epsilon),
  layerNorm: ([x, gain, bias], { epsilon }: { epsilon: number }) => f.layerNorm(x, gain, bias, epsilon),
  attention: ([q, k, v, mask], { heads }: { heads: number }) => f.attention(q, k, v, heads, mask),
  fusedAttention: (inputs, { heads }: { heads: number }) =>
    f.emit('attention', inputs, { heads, scale: 1 / Math.sqrt(inputs[0].shape[2] / heads) })[0],
  silu: ([x]) => f.silu(x),
  gelu: ([x]) => f.gelu(x),
  quickGelu: ([x]) => f.quickGelu(x),
  erf: ([x]) => f.erf(x),
  softmax: ([x]) => f.softmax(x),
  linear: ([x, w, b]) => f.linear(x, w, b),
  upsample: ([x]) => f.upsampleNearest2(x),
  gather: ([table, ids]) => f.gather(table, ids),
  geglu: ([x, w, b]) => {
    const both = f.linear(x, w, b);
    const inner = w.shape[0] / 2;
    return f.mul(f.slice(both, 2, 0, inner), f.gelu(f.slice(both, 2, inner, 2 * inner)));
  },
} as const satisfies Record<string, Builder>;

function readDoubles(file: SafetensorsFile, name: string): Float64Array {
  return new Float64Array(readTensorBytes(file, name).buffer);
}

function readFeed(file: SafetensorsFile, name: string): f.Feed {
  const { shape, dtype } = file.tensors.get(name) ?? { shape: [], dtype: 'missing' };
  const { buffer } = readTensorBytes(file, name);
  return dtype === 'int64'
    ? { shape, data: new BigInt64Array(buffer) }
    : { shape, data: new Float32Array(buffer) };
}

/** All cases of test/golden/data/operations.safetensors. */
export function readOperationGoldens(): OperationGolden[] {
  const file = openSafetensors(fileURLToPath(new URL('./data/operations.safetensors', import.meta.url)));
  const cases = JSON.parse(file.metadata.cases) as CaseDescription[];
  return cases.map(description => {
    const { name, roles } = description;
    const feeds = Object.fromEntries(roles.map(role => [role, readFeed(file, `${name}/input/${role}`)]));
    const trained = roles.filter(role => file.tensors.has(`${name}/gradient/${role}`));
    return {
      ...description,
      feeds: { ...feeds, cotangent: readFeed(file, `${name}/cotangent`) },
      output: readDoubles(file, `${name}/output`),
      gradients: new Map(trained.map(role => [role, readDoubles(file, `${name}/gradient/${role}`)])),
    };
  });
}

/** The case as a graph: inputs are named as the feeds, outputs are `output` and `gradient <role>`. */
export function buildOperationGraph({ kind, attributes, roles, feeds, gradients }: OperationGolden): f.Graph {
  const graph = f.createGraph();
  const values = new Map(
    Object.entries(feeds).map(([role, { shape, data }]) => [
      role,
      f.input(graph, role, shape, data instanceof BigInt64Array ? 'int64' : 'float32'),
    ]),
  );
  const given = (role: string): f.Value => values.get(role) as f.Value;
  const output = (builders[kind] as Builder)(roles.map(given), attributes as never);
  const count = f.elementCount(output.shape);
  const products = f.reshape(f.mul(output, given('cotangent')), [count]);
  const loss = f.reshape(f.reduceSum(products, [0]), []);
  const trained = [...gradients.keys()];
  f.output('output', output);
  for (const [i, gradient] of f.gradients(loss, trained.map(given)).entries()) {
    f.output(`gradient ${trained[i]}`, gradient);
  }
  return graph;
}
