/** @file Execution providers of ONNX Runtime as data: how each is asked for, where it exists, what turns it on. */
import type { InferenceSession } from 'onnxruntime-node';

export type ExecutionProvider = 'cpu' | 'cuda' | 'directml' | 'coreml' | 'webgpu';

export interface ProviderRow {
  /** As ONNX Runtime's Node package takes it. */
  readonly config: InferenceSession.ExecutionProviderConfig;
  /** Set before the first session, unless the user has set it. */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * Weights that files hold in fewer bits are widened once, when the session opens, and lie on the device as float32:
   * halves are an optional feature of WebGPU, bfloat16 and float8 are unknown to it and to Core ML.
   */
  readonly widensAtOpening?: boolean;
  /** Where it exists, in words. */
  readonly platforms: string;
  /** What the user can do where it is missing. */
  readonly turnOn: string;
}

/**
 * Core ML's flags (coreml_provider_factory.h): an ML program computes in the types it is written in, a neural network in
 * float16; the neural engine knows float16 only, so it is left out.
 */
const coreMl = { onlyStaticShapes: 0x08, mlProgram: 0x10, cpuAndGpu: 0x20 } as const;

export const providers: Readonly<Record<ExecutionProvider, ProviderRow>> = {
  cpu: { config: 'cpu', platforms: 'everywhere', turnOn: 'nothing to do' },
  cuda: {
    config: { name: 'cuda', deviceId: 0 },
    // Else products round their factors to 10 bits; the Node package has no provider option for it.
    environment: { NVIDIA_TF32_OVERRIDE: '0' },
    platforms: 'Linux x64 with an NVIDIA card, its driver, CUDA 12 and cuDNN 9',
    turnOn:
      'Its files are fetched from nuget.org by ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install',
  },
  directml: {
    config: { name: 'dml', deviceId: 0 },
    platforms: 'Windows 10 and later with any Direct3D 12 card',
    turnOn: 'It comes with builds of onnxruntime-node that list dml; where this one does not, use webgpu',
  },
  coreml: {
    config: {
      name: 'coreml',
      coreMlFlags: coreMl.mlProgram | coreMl.cpuAndGpu | coreMl.onlyStaticShapes,
    },
    widensAtOpening: true,
    platforms: 'macOS 12 and later on Apple silicon',
    turnOn: 'It comes with onnxruntime-node on macOS',
  },
  webgpu: {
    config: 'webgpu',
    widensAtOpening: true,
    platforms: 'Linux with a Vulkan driver, Windows (Direct3D 12), macOS (Metal)',
    turnOn: 'On Linux, install the Vulkan driver and loader (libvulkan1) of your card',
  },
};
