"""Inpainting models by diffusers and PEFT, with hashed weights -> test/golden/data/inpainting.json

Drawing: StableDiffusionInpaintPipeline and the one of SDXL on small UNets of 9 channels, with everything masked and
with a rectangle.
Training: loss and LoRA gradients of one step as diffusers' train_dreambooth_inpaint_lora.py has them, with the random
masks of src/dataset/masks.ts, drawn again here from its documentation.

    python tools/goldens/inpainting.py"""
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import torch
from diffusers import (
    AutoencoderKL, DDIMScheduler, DDPMScheduler, StableDiffusionInpaintPipeline, StableDiffusionXLInpaintPipeline, UNet2DConditionModel)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from hashed_weights import fill, hashed
from models import LINEAR, UNETS, digest, given, shapes_of
from peft import LoraConfig
from philox import Stream

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
BETAS = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
WIDTH, HEIGHT, SCALE = 48, 32, 4
torch.set_num_threads(1)
torch.set_grad_enabled(False)
# Latents here are the mean of the posterior; the pipeline would draw from it.
DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mode()

MODELS = {"sd15": UNet2DConditionModel(sample_size=8, **UNETS["sd15"] | {"in_channels": 9}).eval(),
         "sdxl": UNet2DConditionModel(sample_size=8, **UNETS["sdxl"] | {"in_channels": 9}).eval()}
UNET = MODELS["sd15"]
VAE = AutoencoderKL(down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3, block_out_channels=(16, 32, 32),
                    layers_per_block=1, latent_channels=4, norm_num_groups=8).eval()
for module in (*MODELS.values(), VAE):
    fill(module)
PICTURE = given("picture", (1, 3, HEIGHT, WIDTH)).clamp(-1, 1)


def config_of(module):
    return {k: v for k, v in dict(module.config).items() if not k.startswith("_")}


def pipeline(family, scheduler):
    if family == "sd15":
        return StableDiffusionInpaintPipeline(VAE, None, None, MODELS[family], scheduler, None, None, requires_safety_checker=False)
    return StableDiffusionXLInpaintPipeline(VAE, None, None, None, None, MODELS[family], scheduler, add_watermarker=False)


def drawing(family, name, mask, steps=4, guidance=4.5, seeds=(42, 43)):
    """Two pictures; the first input of the UNet, [without prompt, with], and the latents at the end."""
    scheduler = DDIMScheduler(**BETAS, steps_offset=1, set_alpha_to_one=False, clip_sample=False, timestep_spacing="leading")
    pipe = pipeline(family, scheduler)
    pooled = {"pooled_prompt_embeds": given("told pooled", (2, 40)), "negative_pooled_prompt_embeds": given("untold pooled", (2, 40))}
    pipe.set_progress_bar_config(disable=True)
    noise = torch.cat([torch.randn(1, 4, HEIGHT // SCALE, WIDTH // SCALE, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
    inputs = []
    hook = MODELS[family].register_forward_pre_hook(lambda _, args: inputs.append(args[0].clone()))
    latents = pipe(
        image=PICTURE / 2 + 0.5, mask_image=mask, height=HEIGHT, width=WIDTH, strength=1.0, num_inference_steps=steps, guidance_scale=guidance,
        prompt_embeds=given("told", (2, 7, 48)), negative_prompt_embeds=given("untold", (2, 7, 48)), latents=noise, output_type="latent",
        **(pooled if family == "sdxl" else {})).images
    hook.remove()
    assert len(inputs) == steps
    return {"family": family, "name": name, "steps": steps, "guidance": guidance, "seeds": list(seeds), "input": digest(inputs[0], 512), "latents": digest(latents)}


def rectangle(top, bottom, left, right):
    mask = torch.zeros(1, 1, HEIGHT, WIDTH)
    mask[..., top:bottom, left:right] = 1
    return mask


PICTURE_HASH = hashlib.sha256(b"a picture").hexdigest()
MASKS, LEAST_SIDE, ELLIPSES = 4, 0.25, 0.5


def drawn_mask(mirrored, index):
    """src/dataset/masks.ts: two sides, two corners and the kind from the stream of the picture; pixel centres within an ellipse."""
    if index == 0:
        return torch.ones(1, 1, HEIGHT, WIDTH)
    stream = Stream(int(PICTURE_HASH[:13], 16), "inpaint mask", int(mirrored), index)
    wide, high = (math.floor(full * (LEAST_SIDE + (1 - LEAST_SIDE) * stream.uniform()) + 0.5) for full in (WIDTH, HEIGHT))
    left, top = (stream.integer(full - side + 1) for full, side in ((WIDTH, wide), (HEIGHT, high)))
    if stream.uniform() >= ELLIPSES:
        return rectangle(top, top + high, left, left + wide)
    u, v = ((2 * np.arange(n) + 1) / n - 1 for n in (wide, high))
    mask = torch.zeros(1, 1, HEIGHT, WIDTH)
    mask[0, 0, top:top + high, left:left + wide] = torch.from_numpy(((v[:, None] ** 2 + u[None] ** 2) <= 1).astype(np.float32))
    return mask


def encoded(pixels):
    return VAE.encode(pixels).latent_dist.mode() * VAE.config.scaling_factor


def training(seed=7, step=5, batch=4, dropout=0.3):
    """One step of `batch` samples of one picture: the plain mean squared error over the whole latent."""
    views = {False: PICTURE, True: PICTURE.flip(-1)}
    masks = {(mirrored, i): drawn_mask(mirrored, i) for mirrored in views for i in range(MASKS)}
    texts = {False: given("caption", (1, 7, 48)), True: given("no caption", (1, 7, 48))}
    scheduler = DDPMScheduler(**BETAS)
    latents, shrunk, masked, noises, times, contexts, chosen = [], [], [], [], [], [], []
    for sample in range(batch):
        mirrored = Stream(seed, "flip", step, sample).uniform() < 0.5
        index = Stream(seed, "mask", step, sample).integer(MASKS)
        mask = masks[mirrored, index]
        latents.append(encoded(views[mirrored]))
        shrunk.append(torch.nn.functional.interpolate(mask, size=(HEIGHT // SCALE, WIDTH // SCALE)))
        masked.append(encoded(views[mirrored] * (mask < 0.5)))
        contexts.append(texts[Stream(seed, "caption dropout", step, sample).uniform() < dropout])
        times.append(Stream(seed, "timestep", step, sample).integer(1000))
        stream = Stream(seed, "noise", step, sample)
        noises.append(torch.tensor([stream.normal() for _ in range(latents[0].numel())]).reshape(latents[0].shape))
        chosen.append([mirrored, index])
    latent, noise, t = torch.cat(latents), torch.cat(noises), torch.tensor(times)
    x = torch.cat([scheduler.add_noise(latent, noise, t), torch.cat(shrunk), torch.cat(masked)], dim=1)
    UNET.requires_grad_(False)
    UNET.add_adapter(LoraConfig(r=4, lora_alpha=2, target_modules=LINEAR))
    parameters = {n: p for n, p in UNET.named_parameters() if "lora_" in n}
    for n, p in parameters.items():
        p.requires_grad_(True)
        p.data.copy_(torch.from_numpy(hashed(n, p.shape)))
    with torch.enable_grad():
        y = UNET(x, t, torch.cat(contexts)).sample
        losses = torch.nn.functional.mse_loss(y, noise, reduction="none").mean(dim=(1, 2, 3))
        losses.mean().backward()
    return {
        "seed": seed, "step": step, "batch": batch, "captionDropout": dropout, "pictureHash": PICTURE_HASH, "chosen": chosen,
        "masks": [{"mirrored": m, "index": i, "area": int(mask.sum()), "sha256": hashlib.sha256(mask.numpy().astype(np.uint8).tobytes()).hexdigest()}
                  for (m, i), mask in masks.items() if i > 0],
        "input": digest(x, 512), "losses": losses.tolist(), "gradients": {n: digest(p.grad, 4) for n, p in parameters.items()},
    }


def main():
    out = {
        "width": WIDTH, "height": HEIGHT,
        "unets": {family: {"config": config_of(unet), "shapes": shapes_of(unet)} for family, unet in MODELS.items()},
        "vae": {"config": config_of(VAE), "shapes": shapes_of(VAE)},
        "rectangle": [5, 23, 9, 30],
        "drawings": [drawing(family, name, mask) for family in MODELS
                     for name, mask in [("everything", torch.ones(1, 1, HEIGHT, WIDTH)), ("rectangle", rectangle(5, 23, 9, 30))]],
        "training": training(),
    }
    path = DATA / "inpainting.json"
    path.write_text(json.dumps(out, default=str) + "\n")
    print(path.stat().st_size, out["training"]["chosen"], out["training"]["losses"], [m["area"] for m in out["training"]["masks"]])


if __name__ == "__main__":
    main()
