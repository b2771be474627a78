"""Golden numbers of everything that is random in a picture: A1111's Philox and picture noise, numpy's SeedSequence, torchsde's
Brownian tree as k-diffusion asks it. Writes test/golden/data/noise.json.

Oracles: Forge's own modules/rng.py and modules/rng_philox.py, run as they are from a checkout; numpy; torchsde 0.2.6; k-diffusion 0.1.1.

    python tools/goldens/noise.py CHECKOUT_OF_STABLE_DIFFUSION_WEBUI_FORGE"""
import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
import torch
import torchsde
import torchsde._brownian.brownian_interval as brownian_interval

# k-diffusion's __init__ and utils want torchvision and more, which its samplers never use.
k_diffusion = types.ModuleType("k_diffusion")
k_diffusion.__path__ = list(importlib.util.find_spec("k_diffusion").submodule_search_locations)
transforms = types.ModuleType("torchvision.transforms")
transforms.functional = None
sys.modules.update({"k_diffusion": k_diffusion, "torchvision": types.ModuleType("torchvision"), "torchvision.transforms": transforms})
import k_diffusion.sampling as k_sampling  # noqa: E402

OUT = Path(__file__).resolve().parents[2] / "test/golden/data/noise.json"


def forge_rng(checkout):
    """Forge's modules/rng.py; of the rest of Forge it asks for two devices and three options."""
    modules = types.ModuleType("modules")
    modules.__path__ = [str(Path(checkout) / "modules")]
    modules.devices = types.ModuleType("modules.devices")
    modules.devices.cpu = modules.devices.device = torch.device("cpu")
    modules.shared = types.ModuleType("modules.shared")
    modules.shared.device = torch.device("cpu")
    modules.shared.opts = types.SimpleNamespace(randn_source="CPU", forge_try_reproduce="None", eta_noise_seed_delta=0)
    sys.modules.update({"modules": modules, "modules.devices": modules.devices, "modules.shared": modules.shared})
    from modules import rng
    return rng


def numbers(tensor):
    """Float32 numbers in nine digits, which is exact."""
    return [float(f"{x:.9g}") for x in np.asarray(tensor, dtype=np.float32).ravel()]


# ------------------------------------------------------------------------------------------------ Philox

def philox_case(rng, seed, count=40):
    generator = rng.rng_philox.Generator(seed)
    return {"seed": str(seed), "calls": [numbers(generator.randn((count,))) for _ in range(3)]}


# ------------------------------------------------------------------------------------------------ SeedSequence

SEQUENCES = [(0, (), 24), (1234, (), 24), (1234, (0, 0), 24), (1234, (1, 1), 24), (123456789012345, (2**23 + 5, 23), 24), (2**64 - 1, (2**33 + 1, 34), 24),
             (7, (), 4), (2**160 + 3, (9,), 4)]


def sequence_case(entropy, spawn_key, pool_size):
    words = np.random.SeedSequence(entropy, spawn_key=spawn_key, pool_size=pool_size).generate_state(6)
    return {"entropy": str(entropy), "spawnKey": list(spawn_key), "poolSize": pool_size, "words": words.tolist()}


# ------------------------------------------------------------------------------------------------ Brownian tree

def asked(sigmas):
    """What the samplers ask: DPM++ 2M SDE the steps, DPM++ SDE first to the middle of each in log sigma."""
    steps = list(zip(sigmas[:-2], sigmas[1:-1]))
    return [pair for a, b in steps for pair in ((a, (a * b).sqrt()), (a, b))] + [(b, a) for a, b in steps[:2]]


def brownian_case(rng, source, seed, steps, shape=(1, 4, 6, 8)):
    """`randn_local` is what A1111 puts in the place of torchsde's normals."""
    rng.shared.opts.randn_source = source
    sigmas = k_sampling.get_sigmas_karras(steps, 0.0291671582, 14.6146412)
    own, brownian_interval._randn = brownian_interval._randn, lambda size, dtype, device, seed: rng.randn_local(seed, size).to(dtype)
    sampler = k_sampling.BrownianTreeNoiseSampler(torch.zeros(shape), sigmas[sigmas > 0].min(), sigmas.max(), seed=[seed])
    queries = [{"from": float(a), "to": float(b), "noise": numbers(sampler(a, b))[::24]} for a, b in asked(sigmas)]
    brownian_interval._randn = own
    return {"source": source, "seed": str(seed), "steps": steps, "sigmaMin": float(sigmas[-2]), "sigmaMax": float(sigmas[0]), "count": int(np.prod(shape)),
            "every": 24, "queries": queries}


TREE_TIMES = [(0.1, 0.3), (0.3, 0.35), (1 / 128, 3 / 128), (0.0, 1.0), (0.25, 0.5), (0.999999, 1.0), (0.4, 0.4), (-1.0, 0.5)]


def tree_case(entropy, count=20):
    """Times that round to a tie (1/128), a whole half, the smallest interval, nothing, and one that is cut off."""
    tree = torchsde.BrownianTree(0.0, torch.zeros(count), 1.0, entropy=entropy)
    return {"seed": str(entropy), "count": count, "queries": [{"from": a, "to": b, "increment": numbers(tree(a, b))} for a, b in TREE_TIMES]}


# ------------------------------------------------------------------------------------------------ noise of a picture

SHAPE = (4, 6, 8)
PICTURES = [
    dict(),
    dict(subseed=99, subseed_strength=0.3),
    dict(subseed=99, subseed_strength=1.0),
    dict(subseed=5, subseed_strength=0.4),  # the seed itself: Forge mixes linearly
    dict(width=6, height=4),
    dict(width=5, height=3),  # odd: not quite in the middle
    dict(width=11, height=9),  # cut off at all sides, odd
    dict(width=11, height=4),
    dict(width=8, height=6),  # its own size
    dict(width=6, height=9, subseed=99, subseed_strength=0.3),
]


def picture_case(rng, source, seed, subseed=None, subseed_strength=0.0, width=0, height=0):
    rng.shared.opts.randn_source = source
    noise = rng.ImageRNG(SHAPE, [seed + 1, seed], subseeds=None if subseed is None else [1, subseed], subseed_strength=subseed_strength,
                         seed_resize_from_h=8 * height, seed_resize_from_w=8 * width)
    start, *steps = (noise.next()[1] for _ in range(3))
    given = {"source": source, "seed": str(seed), "shape": SHAPE}
    if subseed is not None:
        given["variation"] = {"seed": str(subseed), "strength": subseed_strength}
    if width:
        given["noiseSize"] = {"width": width, "height": height}
    return {**given, "start": numbers(start), "steps": [numbers(step)[:8] for step in steps]}


def main(checkout):
    rng = forge_rng(checkout)
    SEEDS = [1234, 123456789012345]
    out = {
        "philox": [philox_case(rng, seed) for seed in SEEDS],
        "sequences": [sequence_case(*case) for case in SEQUENCES],
        "brownian": [brownian_case(rng, *case) for case in [("CPU", 1234, 10), ("CPU", 123456789012345, 20), ("NV", 1234, 10)]],
        "trees": [tree_case(seed) for seed in (0, 2**33 + 5)],
        "pictures": [picture_case(rng, source, seed, **case) for source, seed in [("CPU", 5), ("NV", 5)] for case in PICTURES],
    }
    OUT.write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
