"""Small autoencoders with hashed weights run by diffusers, one in tiles, one on a large picture: test/golden/data/vae_tiling.json.

    python tools/goldens/vae_tiling.py"""
import json

import torch
from diffusers import AutoencoderKL
from hashed_weights import fill
from models import DATA, digest, given

CONFIG = dict(down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3, block_out_channels=(16, 32, 32),
              layers_per_block=1, latent_channels=4, norm_num_groups=8, sample_size=64)
SIZES = [(37, 29), (17, 16), (12, 50), (16, 49), (28, 28)]  # latents; a tile is 16: odd ends, an end of one row, one tile high, no rest


LARGE = dict(down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, block_out_channels=(64, 64),
             layers_per_block=1, latent_channels=4, norm_num_groups=8, sample_size=64, mid_block_add_attention=False)


def large(height=140, width=160):
    """Activations of more than 4 million numbers."""
    vae = AutoencoderKL(**LARGE).eval()
    fill(vae)
    mean = vae.encode(given("picture", (1, 3, 2 * height, 2 * width)).clamp(-1, 1)).latent_dist.mean
    decoded = vae.decode(given("latent", (1, 4, height, width))).sample
    return {"config": config_of(vae), "height": height, "width": width, "mean": digest(mean), "decoded": digest(decoded)}


def config_of(vae):
    return {k: v for k, v in dict(vae.config).items() if not k.startswith("_")}


def main():
    vae = AutoencoderKL(**CONFIG).eval()
    fill(vae)
    vae.enable_tiling()
    cases = []
    for height, width in SIZES:
        mean = vae.encode(given("picture", (1, 3, 4 * height, 4 * width)).clamp(-1, 1)).latent_dist.mean
        cases.append({"height": height, "width": width, "mean": digest(mean), "decoded": digest(vae.decode(given("latent", (1, 4, height, width))).sample)})
    out = {"config": config_of(vae), "cases": cases, "large": large()}
    (DATA / "vae_tiling.json").write_text(json.dumps(out, default=str) + "\n")


if __name__ == "__main__":
    main()
