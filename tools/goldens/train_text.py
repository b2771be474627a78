"""Text encoders trained together with the UNet, by transformers, diffusers, PEFT and torch.

    python tools/goldens/train_text.py          small configurations of every family -> test/golden/data/train_text.json
    python tools/goldens/train_text.py sd15     one step of the full-size SD 1.5     -> test/golden/data/train_text_sd15.json

Captions of the small ones are read in chunks of 16 tokens; the empty one is drawn by dropout."""
import json
import re
import sys
from pathlib import Path

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.training_utils import compute_snr
from hashed_weights import fill, hashed
from models import LINEAR, UNETS, digest, given, shapes_of
from peft import LoraConfig, inject_adapter_in_model
from philox import Stream
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR
from training import BETAS
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
torch.set_num_threads(1)
torch.set_grad_enabled(True)

TOKENS, START, END = 16, 98, 99
SEED, BATCH, ACCUMULATE, STEPS, GAMMA, DROPOUT, LIMIT = 11, 2, 2, 3, 5.0, 0.3, 0.2
TEXT_LINEAR = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]


def encoder(width, act, pools):
    config = CLIPTextConfig(vocab_size=100, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=3, num_attention_heads=4, hidden_act=act,
                            max_position_embeddings=TOKENS, projection_dim=40, bos_token_id=START, eos_token_id=END, pad_token_id=END,
                            attn_implementation="eager")
    model = (CLIPTextModelWithProjection if pools else CLIPTextModel)(config).eval()
    fill(model)
    return model


def chunk(ids, pad):
    return [START, *ids, END] + [pad] * (TOKENS - 2 - len(ids))


# What the tokenizers make of two texts; the second tokenizer of SDXL needs one chunk less for the same caption.
LONG = chunk([5, 17, 3, 8, 41, 2, 77, 9, 30, 31, 32, 33, 34, 35], END) + chunk([64, 6, 50], END)
IDS = {
    "long": {"a": LONG, "": chunk([], END)},
    "zeros": {"a": [0 if i > 20 and t == END else t for i, t in enumerate(LONG)], "": chunk([], 0)},
    "short": {"a": chunk([5, 17, 90], 0), "": chunk([], 0)},
}
FAMILIES = {
    "sd15": {"prediction": "epsilon", "encoders": [("text_encoder", 48, "quick_gelu", False, "long")]},
    "sd2": {"prediction": "v_prediction", "encoders": [("text_encoder", 48, "gelu", False, "zeros")]},
    "sdxl": {"prediction": "epsilon", "encoders": [("text_encoder", 16, "quick_gelu", False, "long"), ("text_encoder_2", 32, "gelu", True, "short")]},
}


def attach(model, part, rank, alpha, targets):
    """A and B by our names of their layers, hashed by those."""
    model.requires_grad_(False)
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets), model)
    out = {}
    for name, p in model.named_parameters():
        found = re.match(r"(.*)\.lora_(A|B)\.default\.weight$", name)
        if not found:
            continue
        path = found[1] if part == "unet" else "text_model." + found[1].removeprefix("text_model.")
        key = f"{part}.{path}.{'down' if found[2] == 'A' else 'up'}"
        p.requires_grad_(True)
        p.data.copy_(torch.from_numpy(hashed(key, p.shape)))
        out[key] = p
    return out


def read(family, models, caption):
    """States and pooled text of one caption: each chunk by itself, all encoders as many chunks."""
    encoders = FAMILIES[family]["encoders"]
    count = max(len(IDS[tokens]["a"]) // TOKENS for *_, tokens in encoders)
    contexts, pooled = [], None
    for name, _, _, pools, tokens in encoders:
        ids = list(IDS[tokens][caption])
        while len(ids) < count * TOKENS:
            ids += IDS[tokens][""]
        states = []
        for i in range(count):
            result = models[name](torch.tensor([ids[i * TOKENS:(i + 1) * TOKENS]]), output_hidden_states=True)
            states.append(result.hidden_states[-2] if family == "sdxl" else result.last_hidden_state)
            if pools and i == 0:
                pooled = result.text_embeds
        contexts.append(torch.cat(states, dim=1))
    return torch.cat(contexts, dim=2), pooled


def case(family, trained, rate_factors, models_of):
    spec = FAMILIES[family]
    unet = UNet2DConditionModel(sample_size=8, **UNETS[family]).eval()
    fill(unet)
    models = {name: encoder(width, act, pools) for name, width, act, pools, _ in spec["encoders"]}
    shapes = {"unet": shapes_of(unet), **{name: shapes_of(m) for name, m in models.items()}}
    groups = [attach(unet, "unet", 4, 2, LINEAR)] if "unet" in trained else []
    rates = [1.0] if "unet" in trained else []
    for name in models:
        if name in trained:
            groups.append(attach(models[name], name, 2, 3, TEXT_LINEAR))
            rates.append(rate_factors[name])
        else:
            models[name].requires_grad_(False)
    if "unet" not in trained:
        unet.requires_grad_(False)
    parameters = {name: p for group in groups for name, p in group.items()}
    scheduler = DDPMScheduler(**BETAS, prediction_type=spec["prediction"])
    optimizer = torch.optim.AdamW([{"params": list(g.values()), "lr": 1e-3 * r} for g, r in zip(groups, rates)], weight_decay=0.01)
    schedule = SequentialLR(optimizer, [LinearLR(optimizer, 0.5, 1.0, 1), CosineAnnealingLR(optimizer, STEPS - 2)], [2])
    latents = given("upright latent", (1, 4, 8, 8))
    reports, first = [], {}
    for step in range(STEPS):
        shown = 0.0
        for k in range(ACCUMULATE):
            noises, times, contexts, pooled = [], [], [], []
            for sample in range(k * BATCH, (k + 1) * BATCH):
                dropped = Stream(SEED, "caption dropout", step, sample).uniform() < DROPOUT
                context, pool = read(family, models, "" if dropped else "a")
                contexts.append(context)
                pooled.append(pool)
                times.append(Stream(SEED, "timestep", step, sample).integer(1000))
                stream = Stream(SEED, "noise", step, sample)
                noises.append(torch.tensor([stream.normal() for _ in range(256)]).reshape(1, 4, 8, 8))
            latent, noise, t = latents.repeat(BATCH, 1, 1, 1), torch.cat(noises), torch.tensor(times)
            target = noise if spec["prediction"] == "epsilon" else scheduler.get_velocity(latent, noise, t)
            added = {"text_embeds": torch.cat(pooled), "time_ids": torch.tensor([[70.0, 66, 3, 5, 64, 64]] * BATCH)} if family == "sdxl" else None
            y = unet(scheduler.add_noise(latent, noise, t), t, torch.cat(contexts), added_cond_kwargs=added).sample
            snr = compute_snr(scheduler, t)
            weights = torch.minimum(snr, torch.full_like(snr, GAMMA)) / (snr if spec["prediction"] == "epsilon" else snr + 1)
            losses = torch.nn.functional.mse_loss(y, target, reduction="none").mean(dim=(1, 2, 3))
            ((losses * weights).mean() / ACCUMULATE).backward()
            shown += float(losses.detach().mean()) / ACCUMULATE
            if step == 0 and k == 0:
                first = {n: digest(p.grad, 4) for n, p in parameters.items() if p.grad is not None}
        norm = float(torch.nn.utils.clip_grad_norm_(list(parameters.values()), LIMIT))
        rate = optimizer.param_groups[0]["lr"] / rates[0]
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        reports.append({"loss": shown, "rate": rate, "gradientNorm": norm})
    unet_config = {k: v for k, v in dict(unet.config).items() if not k.startswith("_") and k != "use_default_values"}
    text = [{"name": name, "width": width, "act": act, "pools": pools, "ids": IDS[tokens]} for name, width, act, pools, tokens in spec["encoders"]]
    models_of[family] = {"unetConfig": unet_config, "shapes": shapes, "encoders": text}
    return {"family": family, "prediction": spec["prediction"], "trained": trained, "rateFactors": rate_factors,
            "reports": reports, "gradients": first, "parameters": {n: digest(p, 4) for n, p in parameters.items()}}


def sd15():
    """One step on 32x32 latents with 192 + 72 layers; weights are hashed and rounded to half precision, as in the file of a user."""
    unet = UNet2DConditionModel(sample_size=64, in_channels=4, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2,
                                cross_attention_dim=768, attention_head_dim=8).eval()
    clip = CLIPTextModel(CLIPTextConfig(vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
                                        hidden_act="quick_gelu", max_position_embeddings=77, projection_dim=768, bos_token_id=49406,
                                        eos_token_id=49407, attn_implementation="eager")).eval()
    with torch.no_grad():
        for model, prefix in [(unet, ""), (clip, "text_model.")]:
            for name, p in model.named_parameters():
                own = prefix + name.removeprefix("text_model.") if prefix else name
                p.copy_(torch.from_numpy(hashed(own, p.shape)).half().float())
    parameters = {**attach(unet, "unet", 4, 2, LINEAR), **attach(clip, "text_encoder", 2, 3, TEXT_LINEAR)}
    ids = [49406, 320, 1125, 539, 17, 4040, 49407] + [49407] * 70
    scheduler, t = DDPMScheduler(**BETAS), torch.tensor([423])
    latent, noise = given("latent", (1, 4, 32, 32)), given("noise", (1, 4, 32, 32))
    y = unet(scheduler.add_noise(latent, noise, t), t, clip(torch.tensor([ids])).last_hidden_state).sample
    loss = torch.nn.functional.mse_loss(y, noise)
    loss.backward()
    out = {"ids": ids, "t": 423, "loss": float(loss.detach()), "gradients": {n: digest(p.grad, 4) for n, p in parameters.items()}}
    (DATA / "train_text_sd15.json").write_text(json.dumps(out) + "\n")
    print(float(loss.detach()), len(parameters))


CASES = [
    ("sd15", ["unet", "text_encoder"], {"text_encoder": 0.5}),
    ("sd15", ["text_encoder"], {"text_encoder": 1.0}),
    ("sd2", ["unet", "text_encoder"], {"text_encoder": 1.0}),
    ("sdxl", ["unet", "text_encoder", "text_encoder_2"], {"text_encoder": 0.5, "text_encoder_2": 0.25}),
    ("sdxl", ["text_encoder"], {"text_encoder": 0.5}),
    ("sdxl", ["text_encoder_2"], {"text_encoder_2": 2.0}),
]


def small():
    models_of = {}
    cases = [case(*c, models_of) for c in CASES]
    (DATA / "train_text.json").write_text(json.dumps({"models": models_of, "cases": cases}, default=str) + "\n")
    for c in cases:
        print(c["family"], c["trained"], len(c["gradients"]), len(c["parameters"]), [r["loss"] for r in c["reports"]], [r["gradientNorm"] for r in c["reports"]])


if __name__ == "__main__":
    sd15() if "sd15" in sys.argv else small()
