"""Golden roundings to float16 and bfloat16, and the values of all 8-bit floats: torch, checked against numpy.

Writes test/golden/data/half.json: bit patterns as unsigned integers. Usage: python tools/goldens/half.py
"""

import json
from pathlib import Path

import numpy as np
import torch


def bits_of(x):
    return np.asarray(x, dtype=np.float32).view(np.uint32)


def interesting_bits():
    """Ties, their neighbours and the ends of every range; then random patterns of all 32 bits."""
    draw = np.random.default_rng(5)
    halves = np.concatenate([
        np.arange(0, 4),  # smallest subnormals
        np.arange(0x3FE, 0x403),  # subnormal to normal
        np.arange(0x7BFC, 0x7C00),  # largest values
        draw.integers(0, 0x7BFF, 100),
    ]).astype(np.uint16)
    lower = halves.view(np.float16).astype(np.float64)
    upper = (halves + 1).astype(np.uint16).view(np.float16).astype(np.float64)
    upper[np.isinf(upper)] = 65536
    half_ties = bits_of((lower + upper) / 2)
    bfloats = np.concatenate([[0, 1, 2, 0x7F, 0x80, 0x7F7E, 0x7F7F], draw.integers(0, 0x7F80, 100)]).astype(np.uint32)
    ties = np.concatenate([half_ties, (bfloats << 16) + 0x8000])
    near = np.concatenate([ties - 1, ties, ties + 1])
    special = np.array([0, 1, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x7F800000, 0x33000000, 0x33000001], dtype=np.uint32)
    positive = np.concatenate([special, near])
    anything = draw.integers(0, 2**32, 300, dtype=np.uint32)
    # Random patterns are mostly out of float16's range; these have exponents inside it.
    inside = (draw.integers(100, 144, 300, dtype=np.uint32) << 23) | draw.integers(0, 2**23, 300, dtype=np.uint32)
    return np.unique(np.concatenate([positive, positive | 0x80000000, anything, inside]).astype(np.uint32))


def eight_bits():
    """Ties of both 8-bit types, their neighbours, what is too large, subnormals, and random numbers around."""
    draw = np.random.default_rng(7)
    values = []
    for kind in (torch.float8_e4m3fn, torch.float8_e5m2):
        numbers = torch.arange(0x7C, dtype=torch.uint8).view(kind).float().numpy()
        values += [numbers, (numbers[1:] + numbers[:-1]) / 2]
    special = np.array([448, 463.99, 464, 464.01, 479, 480, 57344, 61439, 61440, 61441, 1e6, 2.0**-10, 2.0**-17], dtype=np.float32)
    exact = bits_of(np.concatenate([*values, special]))
    near = np.concatenate([exact, exact + 1, np.maximum(exact, 1) - 1])
    inside = (draw.integers(108, 143, 200, dtype=np.uint32) << 23) | draw.integers(0, 2**23, 200, dtype=np.uint32)
    bits = np.unique(np.concatenate([near, inside, near[::3] | 0x80000000]).astype(np.uint32))
    floats = torch.from_numpy(bits.view(np.float32).copy())

    def narrowed(kind):
        return floats.to(kind).view(torch.uint8).tolist()

    return {
        "float32": bits.tolist(),
        "float8_e4m3": narrowed(torch.float8_e4m3fn),
        "float8_e5m2": narrowed(torch.float8_e5m2),
    }


def main():
    bits = interesting_bits()
    bits = bits[~np.isnan(bits.view(np.float32))]
    floats = torch.from_numpy(bits.view(np.float32).copy())
    half = floats.half().view(torch.int16).numpy().view(np.uint16)
    with np.errstate(over="ignore"):
        assert np.array_equal(half, bits.view(np.float32).astype(np.float16).view(np.uint16))
    bfloat = floats.bfloat16().view(torch.int16).numpy().view(np.uint16)
    every_byte = torch.arange(256, dtype=torch.uint8)

    def widened(kind):
        values = every_byte.view(kind).float().numpy()
        return [None if np.isnan(x) else int(b) for x, b in zip(values, bits_of(values))]

    out = {
        "float32": bits.tolist(),
        "float16": half.tolist(),
        "bfloat16": bfloat.tolist(),
        "float8_e4m3": widened(torch.float8_e4m3fn),
        "float8_e5m2": widened(torch.float8_e5m2),
        "narrowed8": eight_bits(),
    }
    path = Path(__file__).parents[2] / "test/golden/data/half.json"
    path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(path, len(bits), "roundings,", path.stat().st_size, "bytes")


main()
