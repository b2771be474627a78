"""What diffusers makes of the embedded model in float32: test/golden/data/pocket.safetensors.

    python tools/goldens/pocket.py          run again whenever pretrained/pocket changes
"""
import hashlib
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTokenizer

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "pretrained" / "pocket"
PROMPTS = ["a green frog at night", "", "A zorbi, waving; in the snow!"]
TIMESTEPS = [1, 250, 500, 999]
STEPS, GUIDANCE, SEED = 20, 4.5, 42
torch.set_grad_enabled(False)


def weights_hash():
    digest = hashlib.sha256()
    for part in ("text_encoder/model", "unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model"):
        digest.update((MODEL / f"{part}.safetensors").read_bytes())
    return digest.hexdigest()


def main():
    tokenizer = CLIPTokenizer.from_pretrained(MODEL / "tokenizer")
    text_encoder = CLIPTextModel.from_pretrained(MODEL / "text_encoder", torch_dtype=torch.float32).eval()
    unet = UNet2DConditionModel.from_pretrained(MODEL / "unet", torch_dtype=torch.float32).eval()
    vae = AutoencoderKL.from_pretrained(MODEL / "vae", torch_dtype=torch.float32).eval()
    scheduler = DDIMScheduler.from_pretrained(MODEL / "scheduler")
    ids = tokenizer(PROMPTS, padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt").input_ids
    states = text_encoder(ids)[0]
    out = {"ids": ids, "states": states, "timesteps": torch.tensor(TIMESTEPS, dtype=torch.float32)}

    side, channels = unet.config.sample_size, unet.config.in_channels
    noise = torch.randn(1, channels, side, side, generator=torch.Generator().manual_seed(SEED))
    out["noise"] = noise
    for t in TIMESTEPS:
        out[f"prediction.{t}"] = unet(noise, torch.tensor([t]), states[:1]).sample

    picture = np.asarray(Image.open(ROOT / "examples" / "zorbi-character" / "01.png").convert("RGB").resize((8 * side, 8 * side), Image.BOX))
    out["picture"] = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    out["latent"] = vae.encode(out["picture"]).latent_dist.mean * vae.config.scaling_factor
    out["reconstruction"] = vae.decode(out["latent"] / vae.config.scaling_factor).sample

    scheduler.set_timesteps(STEPS)
    latent = noise * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        empty, told = unet(torch.cat([latent, latent]), t, torch.cat([states[1:2], states[:1]])).sample.chunk(2)
        latent = scheduler.step(empty + GUIDANCE * (told - empty), t, latent).prev_sample
    out["sampled"] = latent
    out["drawn"] = vae.decode(latent / vae.config.scaling_factor).sample
    metadata = {"weights": weights_hash(), "prompts": "|".join(PROMPTS), "steps": str(STEPS), "guidance": str(GUIDANCE), "seed": str(SEED)}
    save_file({name: x.contiguous() for name, x in out.items()}, ROOT / "test" / "golden" / "data" / "pocket.safetensors", metadata=metadata)


if __name__ == "__main__":
    main()
