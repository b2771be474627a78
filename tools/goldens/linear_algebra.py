"""Singular values by NumPy (LAPACK, float64), and what PyTorch makes of LoRAs that are resized, extracted and combined:
test/golden/data/linear-algebra.json.

    python tools/goldens/linear_algebra.py

Matrices are hashed numbers (hashed_weights.py), so that the test makes the same ones."""
import json
import math
from pathlib import Path

import numpy as np
import torch

from hashed_weights import uniform

OUT = Path(__file__).parents[2] / "test/golden/data/linear-algebra.json"


def given(name, *shape):
    return (uniform(name, math.prod(shape)).reshape(shape) * math.sqrt(12)).astype(np.float32).astype(np.float64)


def power(decay):
    return lambda count: np.array([decay**i for i in range(count)])


MATRICES = {
    "flat": lambda: given("flat", 192, 192),
    "flat tall": lambda: given("flat tall", 512, 96),
    "flat wide": lambda: given("flat wide", 96, 512),
    "decaying": lambda: given("decaying", 256, 128) * power(0.8)(128),
    "slowly decaying": lambda: given("slowly decaying", 128, 256) * (1 / np.arange(1, 257)),
    "rank 12": lambda: given("rank 12 up", 160, 12) @ given("rank 12 down", 12, 128),
    "rank 4 and noise": lambda: given("noise up", 128, 4) @ given("noise down", 4, 144)
    + 1e-3 * given("noise", 128, 144),
    "zero": lambda: np.zeros((24, 40)),
}


def spectra():
    out = {}
    for name, make in MATRICES.items():
        a = make().astype(np.float32).astype(np.float64)
        out[name] = {"shape": list(a.shape), "values": np.linalg.svd(a, compute_uv=False).tolist()}
    return out


def digest(x):
    flat = x.flatten().double()
    step = max(1, len(flat) // 61)
    return {"shape": list(x.shape), "step": step, "samples": flat[::step].tolist(), "norm": flat.norm().item()}


def tensor(name, *shape, size=1.0):
    return torch.from_numpy((given(name, *shape) * size).astype(np.float32)).double()


RANK = 12


def faded(up):
    """Directions of different strength, so that the rules choose different ranks."""
    return up * (0.75 ** torch.arange(RANK).double())


def float32(x):
    return x.float().double()


LAYERS = {
    "linear": lambda: (
        tensor("linear.down", RANK, 48),
        float32(faded(tensor("linear.up", 40, RANK))),
        None,
    ),
    "conv": lambda: (
        tensor("conv.down", RANK, 16, 3, 3),
        float32(faded(tensor("conv.up", 32, RANK)))[:, :, None, None],
        None,
    ),
    "tucker": lambda: (
        tensor("tucker.down", RANK, 20, 1, 1),
        float32(faded(tensor("tucker.up", 24, RANK)))[:, :, None, None],
        tensor("tucker.mid", RANK, RANK, 3, 3, size=0.3),
    ),
}


def product(down, up, mid):
    """up·down as a weight, LyCORIS' rule for Tucker (rebuild_tucker)."""
    if mid is not None:
        return torch.einsum("mnhw,om,ni->oihw", mid, up.flatten(1), down.flatten(1))
    return (up.flatten(1) @ down.flatten(1)).reshape(up.shape[0], *down.shape[1:])


def nearest(weight, rank):
    u, s, v = torch.linalg.svd(weight.flatten(1), full_matrices=False)
    return ((u[:, :rank] * s[:rank]) @ v[:rank]).reshape(weight.shape)


def ranks(s):
    """What each rule keeps, in PyTorch's words: the least index at which a running sum reaches its part."""

    def reaches(running, part):
        return min(int(torch.searchsorted(running, part)), len(s) - 1) + 1

    squares = s.square().cumsum(0) / s.square().sum()
    return {
        "rank 5": 5,
        "sv-ratio 4": max(1, int((s > s[0] / 4).sum())),
        "sv-fro 0.9": reaches(squares, 0.9**2),
        "sv-cumulative 0.7": reaches(s.cumsum(0) / s.sum(), 0.7),
        "keep 0.95": reaches(squares, 0.95),
    }


def resized():
    out = {}
    for name, make in LAYERS.items():
        down, up, mid = make()
        weight = product(down, up, mid)
        s = torch.linalg.svdvals(weight.flatten(1))
        alpha = 3.0
        out[name] = {
            rule: {"rank": rank, "alpha": alpha / RANK * rank, "change": digest(alpha / RANK * nearest(weight, rank))}
            for rule, rank in ranks(s).items()
        }
    return out


def combined():
    out = {}
    for name, make in LAYERS.items():
        down, up, mid = make()
        other_down = tensor(f"{name}.other.down", 3, *product(down, up, mid).shape[1:])
        other_up = tensor(f"{name}.other.up", up.shape[0], 3)
        both = 0.8 * (3.0 / RANK) * product(down, up, mid) - 0.5 * 2.0 * product(
            other_down, other_up.reshape(-1, 3, *[1] * (down.ndim - 2)), None
        )
        out[name] = {"sum": digest(both), "rank 6": digest(nearest(both, 6))}
    return out


OUT.write_text(
    json.dumps({"spectra": spectra(), "resized": resized(), "combined": combined()}, separators=(",", ":")) + "\n"
)
