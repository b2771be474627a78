"""Trains the autoencoder (pictures of 64 x 64 to 8 x 8 latents of 12 channels and back), from nothing."""
import time

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image

from optimizer import Both
from state import Average, load, save, wait_while_paused

BATCH = 24
RATES = {"muon_rate": 6e-3, "adam_rate": 2e-3, "by_adam": ("conv_in", "conv_out", "quant_conv")}
WARM_UP = 100
SAVE_EVERY = 250
LATENT_CHANNELS = 12


def make():
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 64, 128),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=8,
        sample_size=64,
    )


def from_bytes(pictures):
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_bytes(pictures):
    return ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def sheet(pictures, path, across=8, side=128):
    page = Image.new("RGB", (across * side, -(-len(pictures) // across) * side))
    for i, picture in enumerate(pictures):
        page.paste(Image.fromarray(picture).resize((side, side), Image.NEAREST), (i % across * side, i // across * side))
    page.save(path)


def rate_factor(step, total):
    """Warm-up, level for the first half, then a straight line down."""
    return min(1, (step + 1) / WARM_UP) * min(1, max(0.01, 2 * (1 - step / total)))


def psnr(squared_error):
    return 10 * np.log10(4 / squared_error)


def train(folder, total, log):
    pictures = np.load(folder / "vae_x.npy", mmap_mode="r")
    torch.manual_seed(0)
    model = make().to(memory_format=torch.channels_last)
    optimizer = Both([model], betas=(0.9, 0.99), weight_decay=1e-3, **RATES)
    average = Average({"vae": model}, limit=0.998)
    step, seconds, errors = 0, 0.0, []
    if kept := load(folder / "vae_state.pt"):
        model.load_state_dict(kept["vae"])
        optimizer.load_state_dict(kept["optimizer"])
        average.values, step, seconds = kept["average"], kept["step"], kept["seconds"]
    log(f"vae: {sum(p.numel() for p in model.parameters()):,} weights, step {step} of {total}")
    while step < total:
        wait_while_paused(folder)
        started = time.monotonic()
        chosen = np.random.default_rng(step).choice(len(pictures), BATCH, replace=False)
        wanted = from_bytes(pictures[np.sort(chosen)]).contiguous(memory_format=torch.channels_last)
        torch.manual_seed(step)
        mean, spread = model.quant_conv(model.encoder(wanted)).chunk(2, 1)
        spread = spread.clamp(-20, 5)
        latents = mean + torch.exp(0.5 * spread) * torch.randn_like(mean)
        off = model.decoder(model.post_quant_conv(latents)) - wanted
        edges = off.diff(dim=-1).abs().mean() + off.diff(dim=-2).abs().mean()
        squared = off.square().mean()
        divergence = 0.5 * (mean.square() + spread.exp() - 1 - spread).mean()
        loss = off.abs().mean() + 2 * squared + 0.3 * edges + 1e-4 * divergence
        optimizer.step(loss, rate_factor(step, total))
        average.update(step)
        step += 1
        errors.append(squared.item())
        seconds += time.monotonic() - started
        if step % 100 == 0:
            log(f"vae {step} psnr {psnr(np.mean(errors[-100:])):.2f} dB {step * BATCH / seconds:.0f} pictures/s {seconds:.0f} s")
        if step % SAVE_EVERY == 0 or step == total:
            save(folder / "vae_state.pt", vae=model.state_dict(), optimizer=optimizer.state_dict(), average=average.values, step=step, seconds=seconds)
    if not (folder / "vae_final.pt").exists():
        finish(folder, average.values["vae"], log)


@torch.no_grad()
def encode_icons(folder, model):
    icons = np.load(folder / "icon_x.npy", mmap_mode="r")
    return torch.cat([model.encode(from_bytes(icons[i : i + 100])).latent_dist.mean for i in range(0, len(icons), 100)])


def keep_final(folder, model):
    """Saves the finished autoencoder and, with it, what the UNet is trained on."""
    torch.save(encode_icons(folder, model), folder / "latents.pt")
    save(folder / "vae_final.pt", vae=model.state_dict())


@torch.no_grad()
def finish(folder, weights, log):
    """Encodes the icons, and moves each latent channel to mean 0 and deviation 1.

    The two 1 x 1 convolutions at the latents take that change exactly, so the files stay plain Diffusers ones with a
    scaling factor of 1.
    """
    model = make()
    model.load_state_dict(weights)
    model.eval()
    latents = encode_icons(folder, model)
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    into, back = model.quant_conv, model.post_quant_conv
    half = LATENT_CHANNELS
    into.bias[:half].sub_(mean).div_(deviation)
    into.weight[:half].div_(deviation.view(-1, 1, 1, 1))
    into.bias[half:].sub_(2 * deviation.log())
    back.bias.add_(back.weight[:, :, 0, 0] @ mean)
    back.weight.mul_(deviation.view(1, -1, 1, 1))
    keep_final(folder, model)
    held_out = from_bytes(np.load(folder / "val_x.npy")[:200])
    seen = model.decode(model.encode(held_out).latent_dist.mean).sample
    log(f"vae: held-out psnr {psnr((seen - held_out).square().mean().item()):.2f} dB, channel deviations were {deviation.min():.2f} to {deviation.max():.2f}")
    pairs = torch.stack([held_out[:16], seen[:16]], 1).flatten(0, 1)
    sheet(to_bytes(pairs), folder / "reconstructions.png")


def finished(folder):
    model = make()
    model.load_state_dict(load(folder / "vae_final.pt")["vae"])
    return model.eval()
