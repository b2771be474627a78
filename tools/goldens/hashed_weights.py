"""Weights that are a pure function of their name, so that goldens need no weight files.

test/golden/hashed-weights.ts makes the same numbers."""
import numpy as np


def _fnv1a(text: str) -> int:
    h = 0x811C9DC5
    for b in text.encode():
        h = ((h ^ b) * 0x01000193) & 0xFFFFFFFF
    return h


def uniform(name: str, count: int) -> np.ndarray:
    """`count` float64 numbers in [-0.5, 0.5) (murmur3's finaliser over a counter)."""
    x = (np.arange(count, dtype=np.uint64) * 0x9E3779B1 + _fnv1a(name)).astype(np.uint32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return x.astype(np.float64) / 2**32 - 0.5


def hashed(name: str, shape) -> np.ndarray:
    """Float32 weights of a sensible size: matrices ~ 1/sqrt(fan_in), norm gains near 1, biases small."""
    shape = tuple(shape)
    u = uniform(name, int(np.prod(shape)))
    if len(shape) >= 2:
        u = u * (2.0 / np.sqrt(np.prod(shape[1:])) * np.sqrt(3.0) / np.sqrt(2.0))
    elif name.endswith("weight"):
        u = 1.0 + 0.2 * u
    else:
        u = 0.1 * u
    return u.astype(np.float32).reshape(shape)


def fill(module) -> None:
    """Overwrites every parameter of a torch module."""
    import torch

    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(torch.from_numpy(hashed(name, parameter.shape)))
