"""Training arithmetic by torch, transformers, diffusers and PEFT -> test/golden/data/training.json

    python tools/goldens/training.py"""
import json
from pathlib import Path

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.training_utils import compute_snr
from hashed_weights import fill, hashed
from models import LINEAR, UNETS, digest, given
from peft import LoraConfig
from philox import Stream
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR, SequentialLR
from transformers import get_scheduler

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
torch.set_num_threads(1)
BETAS = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")


def numbers(x):
    return [float(f"{v:.9g}") for v in x.detach().double().flatten().tolist()]


def adamw():
    """8 steps with a rate that changes; the optimizer is thrown away and loaded from its state after step 4."""
    start = given("adamw parameter", (7,))
    parameter = torch.nn.Parameter(start.clone())
    make = lambda: torch.optim.AdamW([parameter], lr=1.0, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05)
    optimizer, steps = make(), []
    rates = [0.0, 0.01, 0.02, 0.02, 0.015, 0.01, 0.005, 1e-4]
    for i, rate in enumerate(rates):
        if i == 4:
            state = optimizer.state_dict()
            optimizer = make()
            optimizer.load_state_dict(state)
        # Sizes from 1e-6 to 1, as gradients of A and B have.
        parameter.grad = given(f"adamw gradient {i}", (7,)) * torch.logspace(-6, 0, 7)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        inner = optimizer.state[parameter]
        steps.append({"rate": rate, "parameter": numbers(parameter), "first": numbers(inner["exp_avg"]), "second": numbers(inner["exp_avg_sq"])})
    return {"weightDecay": 0.05, "steps": steps}


def clipping():
    out = []
    for limit in (0.5, 1.0, 100.0):
        parameters = [torch.nn.Parameter(torch.zeros(n)) for n in (5, 3)]
        for i, p in enumerate(parameters):
            p.grad = given(f"clip {i}", p.shape)
        norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
        out.append({"limit": limit, "norm": float(norm), "gradients": [numbers(p.grad) for p in parameters]})
    return out


def rates_of(make, steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2e-3)
    scheduler, out = make(optimizer), []
    for _ in range(steps):
        out.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return out


def schedules():
    """torch: our warm-up starts at rate/w and ends at the rate. transformers (kohya, diffusers): it starts at 0, one step later."""
    out = []
    for name, warmup, steps in [("constant", 0, 12), ("constant", 4, 12), ("cosine", 0, 12), ("cosine", 5, 20), ("linear", 3, 12)]:
        def ours(optimizer):
            rest = steps - warmup
            after = {"constant": lambda: ConstantLR(optimizer, 1.0), "cosine": lambda: CosineAnnealingLR(optimizer, rest),
                     "linear": lambda: LinearLR(optimizer, 1.0, 0.0, rest)}[name]()
            if warmup == 0:
                return after
            return SequentialLR(optimizer, [LinearLR(optimizer, 1 / warmup, 1.0, warmup - 1), after], [warmup])

        kind = "constant_with_warmup" if name == "constant" else name
        hf = lambda o: get_scheduler(kind, o, num_warmup_steps=warmup, num_training_steps=steps)
        out.append({"name": name, "warmupSteps": warmup, "steps": steps, "torch": rates_of(ours, steps), "transformers": rates_of(hf, steps)})
    return out


def noising():
    """add_noise, get_velocity and the min-SNR weights of diffusers' train_text_to_image.py (snr_gamma)."""
    out = []
    latent, noise = given("latent", (1, 4, 3, 2)), given("noise", (1, 4, 3, 2))
    for prediction, zero in [("epsilon", False), ("v_prediction", False), ("v_prediction", True)]:
        scheduler = DDPMScheduler(**BETAS, prediction_type=prediction, rescale_betas_zero_snr=zero)
        for t in [0, 1, 137, 500, 801, 998] + ([] if zero else [999]):
            step = torch.tensor([t])
            target = noise if prediction == "epsilon" else scheduler.get_velocity(latent, noise, step)
            snr = compute_snr(scheduler, step)
            weights = {}
            for gamma in (1, 5, 20):
                least = torch.minimum(snr, torch.full_like(snr, gamma))
                weights[gamma] = float(least / (snr if prediction == "epsilon" else snr + 1))
            out.append({"prediction": prediction, "zeroTerminalSnr": zero, "timestep": t, "alphaBar": float(scheduler.alphas_cumprod[t].double()),
                        "noisy": numbers(scheduler.add_noise(latent, noise, step)), "target": numbers(target), "weights": weights})
    return out


def whole_steps(prediction, offset):
    """3 steps of 2 micro-batches of 2 on the small SD 1.5 UNet: diffusers' training loop with PEFT and torch.optim.AdamW."""
    seed, batch, accumulate, steps, gamma, dropout = 7, 2, 2, 3, 5.0, 0.3
    unet = UNet2DConditionModel(sample_size=8, **UNETS["sd15"]).eval()
    fill(unet)
    unet.requires_grad_(False)
    unet.add_adapter(LoraConfig(r=4, lora_alpha=2, target_modules=LINEAR))
    names = [n for n, _ in unet.named_parameters() if "lora_" in n]
    parameters = {n: dict(unet.named_parameters())[n] for n in names}
    for n, p in parameters.items():
        p.requires_grad_(True)
        p.data.copy_(torch.from_numpy(hashed(n, p.shape)))
    scheduler = DDPMScheduler(**BETAS, prediction_type=prediction)
    optimizer = torch.optim.AdamW(list(parameters.values()), lr=1e-3, weight_decay=0.01)
    schedule = SequentialLR(optimizer, [LinearLR(optimizer, 0.5, 1.0, 1), CosineAnnealingLR(optimizer, steps - 2)], [2])
    pictures = {False: given("upright latent", (1, 4, 8, 8)), True: given("mirrored latent", (1, 4, 8, 8))}
    texts = {False: given("caption", (1, 7, 48)), True: given("no caption", (1, 7, 48))}
    reports = []
    for step in range(steps):
        shown = 0.0
        for k in range(accumulate):
            latents, noises, times, contexts = [], [], [], []
            for sample in range(k * batch, (k + 1) * batch):
                latents.append(pictures[Stream(seed, "flip", step, sample).uniform() < 0.5])
                contexts.append(texts[Stream(seed, "caption dropout", step, sample).uniform() < dropout])
                times.append(Stream(seed, "timestep", step, sample).integer(1000))
                stream = Stream(seed, "noise", step, sample)
                noise = torch.tensor([stream.normal() for _ in range(256)]).reshape(1, 4, 8, 8)
                if offset:
                    shift = Stream(seed, "noise offset", step, sample)
                    noise = noise + offset * torch.tensor([shift.normal() for _ in range(4)]).reshape(1, 4, 1, 1)
                noises.append(noise)
            latent, noise, t = torch.cat(latents), torch.cat(noises), torch.tensor(times)
            target = noise if prediction == "epsilon" else scheduler.get_velocity(latent, noise, t)
            y = unet(scheduler.add_noise(latent, noise, t), t, torch.cat(contexts)).sample
            snr = compute_snr(scheduler, t)
            weights = torch.minimum(snr, torch.full_like(snr, gamma)) / (snr if prediction == "epsilon" else snr + 1)
            losses = torch.nn.functional.mse_loss(y, target, reduction="none").mean(dim=(1, 2, 3))
            ((losses * weights).mean() / accumulate).backward()
            shown += float(losses.detach().mean()) / accumulate
        norm = float(torch.nn.utils.clip_grad_norm_(list(parameters.values()), 0.15))
        rate = optimizer.param_groups[0]["lr"]
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        reports.append({"loss": shown, "rate": rate, "gradientNorm": norm})
    return {"prediction": prediction, "noiseOffset": offset, "reports": reports, "parameters": {n: digest(p, 8) for n, p in parameters.items()}}


if __name__ == "__main__":
    torch.set_grad_enabled(True)
    out = {"adamw": adamw(), "clipping": clipping(), "schedules": schedules(), "noising": noising(),
           "steps": [whole_steps("epsilon", 0.0), whole_steps("v_prediction", 0.1)]}
    (DATA / "training.json").write_text(json.dumps(out) + "\n")
    print([r for s in out["steps"] for r in s["reports"]])
