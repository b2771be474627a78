"""Makes the pocket model from nothing on a processor: draws the pictures, trains the autoencoder, then UNet and text encoder.

    python tools/pocket/train.py --state pocket.run-state

Every stage goes on from its last saved state. While the file PAUSE lies in the state folder, training waits.
With --from, a new state folder begins with the weights of an exported model: its autoencoder is kept, and the UNet and
the text encoder are trained further.
"""
import argparse
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel

import data
import unet
import vae
from state import save


def adopt(model, state):
    """Fills an empty state folder from an exported model."""
    if (state / "vae_final.pt").exists():
        return
    vae.keep_final(state, AutoencoderKL.from_pretrained(model / "vae", torch_dtype=torch.float32).eval())
    denoiser = UNet2DConditionModel.from_pretrained(model / "unet", torch_dtype=torch.float32)
    text_encoder = CLIPTextModel.from_pretrained(model / "text_encoder", torch_dtype=torch.float32)
    save(state / "unet_start.pt", unet=denoiser.state_dict(), text_encoder=text_encoder.state_dict())


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--state", type=Path, required=True, help="folder for pictures, latents and states")
    options.add_argument("--from", dest="model", type=Path, help="begin with the weights of this exported model")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--vae-steps", type=int, default=3000)
    options.add_argument("--unet-steps", type=int, default=2300, help="in all, so a larger number goes on from a finished run")
    options.add_argument("--unet-anneal", type=int, default=900, help="how many of the last steps lower the learning rate")
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    given.state.mkdir(parents=True, exist_ok=True)

    def log(line):
        line = f"{time.strftime('%H:%M:%S', time.gmtime())} {line}"
        print(line, flush=True)
        with (given.state / "train.log").open("a") as file:
            file.write(line + "\n")

    data.draw_all(given.state)
    if given.model:
        adopt(given.model, given.state)
    if not (given.state / "vae_final.pt").exists():
        vae.train(given.state, given.vae_steps, log)
    unet.train(given.state, given.unet_steps, given.unet_anneal, log)


if __name__ == "__main__":
    main()
