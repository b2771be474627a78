"""From process start to the end of the first LoRA training step with diffusers and PEFT: a single file is loaded,
pictures and captions are encoded once, the UNet alone is trained."""
import os
from pathlib import Path

from .measuring import since_start


def run(file, folder, pictures, side, precision, **_):
    import numpy
    import torch
    from diffusers import StableDiffusionPipeline
    from PIL import Image

    from .unet import add_lora

    torch.set_num_threads(os.cpu_count())
    torch.manual_seed(0)
    # Only the configs of the folder are read.
    pipe = StableDiffusionPipeline.from_single_file(
        file, config=folder, local_files_only=True, safety_checker=None, feature_extractor=None
    )
    unet, vae, text, tokenizer = (
        module.requires_grad_(False) if hasattr(module, "requires_grad_") else module
        for module in (pipe.unet, pipe.vae, pipe.text_encoder, pipe.tokenizer)
    )
    latents, contexts = [], []
    with torch.no_grad():
        for path in sorted(Path(pictures).rglob("*.png")):
            pixels = numpy.asarray(Image.open(path).convert("RGB").resize((side, side)))
            picture = torch.from_numpy(pixels / 127.5 - 1).float().permute(2, 0, 1)[None]
            latents.append(vae.encode(picture).latent_dist.mean * vae.config.scaling_factor)
            ids = tokenizer(
                path.with_suffix(".txt").read_text(), padding="max_length", truncation=True, return_tensors="pt"
            ).input_ids
            contexts.append(text(ids)[0])
    parameters = add_lora(unet)
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)
    noise, t = torch.randn_like(latents[0]), torch.tensor([423])
    noisy = pipe.scheduler.add_noise(latents[0], noise, t)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        prediction = unet(noisy, t, contexts[0]).sample
    torch.nn.functional.mse_loss(prediction.float(), noise).backward()
    optimizer.step()
    return since_start()
