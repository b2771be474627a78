"""The autoencoder of diffusers, whole or in tiles."""
import os

import torch
from diffusers import AutoencoderKL

from .measuring import timed
from .unet import made_at_random

CONFIG = dict(
    block_out_channels=(128, 256, 512, 512),
    down_block_types=("DownEncoderBlock2D",) * 4,
    up_block_types=("UpDecoderBlock2D",) * 4,
    layers_per_block=2,
    latent_channels=4,
    sample_size=512,
)


def run(work, side, repeats, precision, tiled=False, **_):
    torch.set_num_threads(os.cpu_count())
    torch.manual_seed(0)
    dtype = torch.bfloat16 if precision == "bfloat16 weights" else torch.float32
    vae = made_at_random(lambda: AutoencoderKL(**CONFIG), dtype).requires_grad_(False)
    if tiled:
        vae.enable_tiling()
    latent = torch.randn(1, 4, side, side, dtype=dtype)
    picture = torch.rand(1, 3, 8 * side, 8 * side).mul(2).sub(1).to(dtype)
    works = {"decode": lambda: vae.decode(latent), "encode": lambda: vae.encode(picture)}
    with torch.no_grad():
        return timed(works[work], repeats)
