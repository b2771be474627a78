"""Losses of the first 20 steps of a run by diffusers, PEFT and torch -> test/golden/data/first-steps.json

    python tools/goldens/first_steps.py pocket | sd15        each replaces its own part; sd15 takes 8 GB

pocket: the embedded model. sd15: the real shape of SD 1.5 with hashed weights. A starts hashed and B at zero; noise and
timesteps are those of our streams (philox.py)."""
import json
import sys

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.training_utils import compute_snr
from hashed_weights import hashed
from models import DATA, LINEAR, given
from peft import LoraConfig
from philox import Stream
from real_sizes import UNETS, allocate
from torch.optim.lr_scheduler import CosineAnnealingLR

torch.set_num_threads(2)
torch.set_grad_enabled(True)
STEPS, SEED, GAMMA, DROPOUT = 20, 7, 5.0, 0.2
FILE = DATA / "first-steps.json"
ROOT = DATA.parents[2]


def noise_of(step, sample, shape):
    stream = Stream(SEED, "noise", step, sample)
    return torch.tensor([stream.normal() for _ in range(shape.numel())]).reshape(shape)


def first_losses(unet, prediction, latent, told, untold, batch, rank, rate):
    """The training loop of diffusers' train_text_to_image_lora.py on one picture, with min-SNR weights as there (snr_gamma)."""
    scheduler = DDPMScheduler(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type=prediction)
    unet.requires_grad_(False)
    unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=LINEAR))
    parameters = {n: p for n, p in unet.named_parameters() if "lora_" in n}
    for n, p in parameters.items():
        p.requires_grad_(True)
        p.data.copy_(torch.zeros_like(p) if "lora_B" in n else torch.from_numpy(hashed(n, p.shape)))
    optimizer = torch.optim.AdamW(list(parameters.values()), lr=rate, weight_decay=0.01)
    schedule, out = CosineAnnealingLR(optimizer, STEPS), []
    for step in range(STEPS):
        samples = range(batch)
        t = torch.tensor([Stream(SEED, "timestep", step, s).integer(1000) for s in samples])
        noise = torch.cat([noise_of(step, s, latent.shape) for s in samples])
        context = torch.cat([untold if Stream(SEED, "caption dropout", step, s).uniform() < DROPOUT else told for s in samples])
        latents = latent.expand(batch, -1, -1, -1)
        target = noise if prediction == "epsilon" else scheduler.get_velocity(latents, noise, t)
        y = unet(scheduler.add_noise(latents, noise, t), t, context).sample
        snr = compute_snr(scheduler, t)
        weights = torch.minimum(snr, torch.full_like(snr, GAMMA)) / (snr if prediction == "epsilon" else snr + 1)
        losses = torch.nn.functional.mse_loss(y, target, reduction="none").mean(dim=(1, 2, 3))
        (losses * weights).mean().backward()
        torch.nn.utils.clip_grad_norm_(list(parameters.values()), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        out.append(float(losses.detach().mean()))
        print(step, out[-1], flush=True)
    return {"prediction": prediction, "latent": list(latent.shape), "context": list(told.shape), "batch": batch, "rank": rank,
            "rate": rate, "captionDropout": DROPOUT, "seed": SEED, "losses": out}


def pocket():
    unet = UNet2DConditionModel.from_pretrained(ROOT / "pretrained" / "pocket" / "unet", torch_dtype=torch.float32).eval()
    return first_losses(unet, "v_prediction", given("latent", (1, 12, 8, 8)), given("caption", (1, 32, 128)), given("no caption", (1, 32, 128)), 4, 16, 2e-3)


def sd15():
    unet = allocate(lambda: UNet2DConditionModel(**UNETS["sd15"]))
    return first_losses(unet, "epsilon", given("latent", (1, 4, 16, 16)), given("caption", (1, 77, 768)), given("no caption", (1, 77, 768)), 1, 16, 1e-4)


if __name__ == "__main__":
    known = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name in sys.argv[1:]:
        known[name] = {"pocket": pocket, "sd15": sd15}[name]()
    FILE.write_text(json.dumps(known) + "\n")
