"""Trained kinds in the small SD 1.5 UNet -> test/golden/data/trainable-kinds.json

Gradients of every tensor by PyTorch through the modules of LyCORIS and PEFT, with dropout masks drawn as the product
draws them, and five whole steps of training. DoRA's norm is a constant to gradients, as in PEFT; LyCORIS' modules are
told so.

    python tools/goldens/trainable_kinds.py"""
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.training_utils import compute_snr
from hashed_weights import fill, hashed
from lycoris.modules import locon, loha, lokr
from models import LINEAR, UNETS, digest, given
from peft import LoraConfig
from philox import Stream
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
BETAS = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
MODULES = {"lora": locon.LoConModule, "loha": loha.LohaModule, "lokr": lokr.LokrModule}
ROLES = {"lora_down.weight": "down", "lora_up.weight": "up", "lora_mid.weight": "mid", "dora_scale": "magnitude"}
# Linear layers and convolutions of every shape that the product tells apart.
FEW = ["attn1.to_q", "attn2.to_k", "ff.net.2", "proj_in", "conv1", "conv_shortcut", "time_emb_proj", "downsamplers.0.conv"]


def constant_norm(weight, dora_scale, multiplier=1, wd_on_out=True, backend=None):
    """LyCORIS' weight_decompose, the norm detached."""
    axes = [i for i in range(weight.dim()) if i != (0 if wd_on_out else 1)]
    norm = torch.linalg.vector_norm(weight.detach(), dim=axes, keepdim=True) + torch.finfo(weight.dtype).eps
    return weight * (dora_scale / norm)


for kind in (locon, loha, lokr):
    kind.weight_decompose = constant_norm


def new_unet():
    unet = UNet2DConditionModel(sample_size=8, **UNETS["sd15"]).eval()
    fill(unet)
    unet.requires_grad_(False)
    return unet


def chosen(unet, targets):
    return [(n, m) for n, m in unet.named_modules() if any(f".{n}".endswith(f".{t}") for t in targets)]


def few(unet):
    """A list for PEFT and LyCORIS alike: whole paths."""
    return [n for n, _ in chosen(unet, FEW) if n.startswith(("down_blocks.0.", "down_blocks.1.", "mid_block."))]


def set_start(name, parameter):
    """Hashed values; magnitudes near the norms that they start with."""
    role = name.rsplit(".", 1)[1]
    if role == "magnitude":
        parameter.data.mul_(1 + 0.1 * given(name, parameter.shape))
    else:
        parameter.data.copy_(torch.from_numpy(hashed(name, parameter.shape)))


def lycoris(unet, kind, targets, rank, alpha, **options):
    """Attaches modules; returns parameters by `<path>.<role>` and modules by path."""
    parameters, modules = {}, {}
    for path, layer in chosen(unet, targets):
        module = MODULES[kind](path.replace(".", "_"), layer, 1.0, rank, alpha, **options)
        module.apply_to()
        modules[path] = module
        for n, p in module.named_parameters():
            name = f"{path}.{ROLES.get(n, n)}"
            set_start(name, p)
            parameters[name] = p
    return parameters, modules


def peft(unet, targets, rank, alpha, **options):
    unet.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, **options))
    parameters = {}
    for n, p in unet.named_parameters():
        for part, role in ((".lora_A.default.weight", "down"), (".lora_B.default.weight", "up"), (".lora_magnitude_vector.default.weight", "magnitude")):
            if n.endswith(part):
                name = n.removesuffix(part) + "." + role
                # PEFT's convolutions have a row of outputs; ours have a column, as files have.
                set_start(name, p)
                p.requires_grad_(True)
                parameters[name] = p
    return parameters


def draw(name, target, p, shape, step, sample, seed=7):
    stream = Stream(seed, f"{name} dropout unet.{target}", step, sample)
    kept = 1.0 if name == "module" else 1 / (1 - p)
    values = [0.0 if stream.uniform() < p else kept for _ in range(int(np.prod(shape)))]
    return torch.tensor(values, dtype=torch.float32).reshape(shape)


def kohya_dropout(path, layer, module, rates):
    """sd-scripts' LoRAModule.forward: neurons and ranks after down, for each sample; a module for the whole batch."""
    down, up = module.lora_down.weight, module.lora_up.weight

    def branch(x):
        isconv = isinstance(layer, torch.nn.Conv2d)
        inside = F.conv2d(x, down, None, layer.stride, layer.padding) if isconv else F.linear(x, down)
        n, rank = x.shape[0], down.shape[0]
        by_pixel = isconv and "proj_" not in path
        masks = []
        for sample in range(n):
            if by_pixel:
                own = draw("neuron", path, rates["neuron"], inside.shape[1:], 3, sample)
                ranks = draw("rank", path, rates["rank"], (rank, 1, 1), 3, sample)
            else:
                tokens = int(np.prod(inside.shape[2:] if isconv else inside.shape[1:-1]))
                own = draw("neuron", path, rates["neuron"], (tokens, rank), 3, sample)
                ranks = draw("rank", path, rates["rank"], (1, rank), 3, sample)
            mask = own * ranks
            masks.append(mask if by_pixel else (mask.T.reshape(inside.shape[1:]) if isconv else mask.reshape(inside.shape[1:])))
        inside = inside * torch.stack(masks) * float(draw("module", path, rates["module"], (1,), 3, 0))
        return module.scale * (F.conv2d(inside, up) if isconv else F.linear(inside, up))

    original = module.org_forward
    layer.forward = lambda x, *a, **k: original(x, *a, **k) + branch(x)


def weight_dropout(path, layer, module, rates):
    """Rows of ΔW, and the output of its branch, as LyCORIS' modules have it for `rank_dropout` and, in bypass, `dropout`."""
    isconv = isinstance(layer, torch.nn.Conv2d)
    whole = float(draw("module", path, rates["module"], (1,), 3, 0))
    rows = draw("rank", path, rates["rank"], (module.shape[0],), 3, 0)
    original = module.org_forward

    def delta():
        is_lora = isinstance(module, locon.LoConModule)
        weight = module.scale * module.make_weight() if is_lora else module.get_weight(module.shape)
        return weight * rows.reshape(-1, *[1] * (len(module.shape) - 1))

    def forward(x, *a, **k):
        y = original(x, *a, **k)
        d = delta()
        if module.wd:
            d = constant_norm(layer.weight + d, module.dora_scale, 1, module.wd_on_out) - layer.weight
        extra = whole * (F.conv2d(x, d, None, layer.stride, layer.padding) if isconv else F.linear(x, d))
        if rates["neuron"]:
            masks = []
            for sample in range(x.shape[0]):
                if isconv and "proj_" not in path:
                    masks.append(draw("neuron", path, rates["neuron"], extra.shape[1:], 3, sample))
                elif isconv:
                    c, h, w = extra.shape[1:]
                    masks.append(draw("neuron", path, rates["neuron"], (h * w, c), 3, sample).T.reshape(c, h, w))
                else:
                    masks.append(draw("neuron", path, rates["neuron"], extra.shape[1:], 3, sample))
            extra = extra * torch.stack(masks)
        return y + extra

    layer.forward = forward


def gradients(parameters, unet):
    x, context, target = given("x", (2, 4, 8, 8)), given("context", (2, 7, 48)), given("target", (2, 4, 8, 8))
    loss = F.mse_loss(unet(x, torch.tensor([17, 801]), context).sample, target)
    loss.backward()
    return {"loss": float(loss.detach()), "gradients": {n: digest(p.grad if p.grad is not None else torch.zeros_like(p), 4) for n, p in parameters.items()}}


CASES = [
    ("lora, tucker", "lycoris", dict(kind="lora", rank=4, alpha=2, use_tucker=True)),
    ("lora, rsLoRA", "peft", dict(kind="lora", rank=4, alpha=2, use_rslora=True)),
    ("lora, decomposed by output", "peft", dict(kind="lora", rank=4, alpha=2, use_dora=True)),
    ("lora, decomposed by input", "lycoris", dict(kind="lora", rank=4, alpha=2, weight_decompose=True, wd_on_out=False)),
    ("lora, tucker, decomposed by output", "lycoris", dict(kind="lora", rank=4, alpha=2, use_tucker=True, weight_decompose=True)),
    ("loha", "lycoris", dict(kind="loha", rank=4, alpha=2)),
    ("loha, tucker", "lycoris", dict(kind="loha", rank=4, alpha=2, use_tucker=True)),
    ("loha, decomposed by output", "lycoris", dict(kind="loha", rank=4, alpha=2, weight_decompose=True)),
    ("lokr", "lycoris", dict(kind="lokr", rank=2, alpha=1)),
    ("lokr, factor 4, both decomposed", "lycoris", dict(kind="lokr", rank=1, alpha=2, factor=4, decompose_both=True)),
    ("lokr, factor 4, tucker", "lycoris", dict(kind="lokr", rank=2, alpha=1, factor=4, use_tucker=True)),
    ("lokr, whole matrices", "lycoris", dict(kind="lokr", rank=1, alpha=3, full_matrix=True)),
    ("lokr, decomposed by output", "lycoris", dict(kind="lokr", rank=2, alpha=1, weight_decompose=True)),
    ("lokr, decomposed by input", "lycoris", dict(kind="lokr", rank=2, alpha=1, weight_decompose=True, wd_on_out=False)),
]
FILED = ["down_blocks.0.attentions.0.proj_in", "down_blocks.1.resnets.0.conv1", "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"]


def files():
    """What LyCORIS saves of the modules of each case, and the change of the weight that they make."""
    out = []
    for name, library, options in CASES:
        if library == "peft":
            continue
        unet, options = new_unet(), dict(options)
        kind = options.pop("kind")
        _, modules = lycoris(unet, kind, FILED, **options)
        tensors, deltas, norms = {}, {}, {}
        for path, module in modules.items():
            for key, value in module.custom_state_dict().items():
                tensors[f"lora_unet_{path.replace('.', '_')}.{key}"] = list(value.shape)
            with torch.no_grad():
                delta = module.scale * module.make_weight() if kind == "lora" else module.get_weight(module.shape)
                if module.wd:
                    delta = module.apply_weight_decompose(module.org_weight + delta) - module.org_weight
            deltas[path] = digest(delta, 16)
            norms[path] = float(module.apply_max_norm(1e9)[1])  # far from any limit: only tells the norm
        out.append({"name": name, "tensors": tensors, "deltas": deltas, "norms": norms})
    return out


def pissa():
    """What PEFT's PiSSA takes out of linear layers, as W - scale*B*A leaves the rest; a convolution as its matrix."""
    unet, out = new_unet(), {}
    weights = {n: p.clone() for n, p in unet.named_parameters()}
    linear = [FILED[2], "mid_block.resnets.0.time_emb_proj"]
    unet.add_adapter(LoraConfig(r=4, lora_alpha=2, target_modules=linear, init_lora_weights="pissa"))
    for path in linear:
        out[path] = digest(weights[f"{path}.weight"] - unet.get_submodule(path).base_layer.weight, 64)
    w = weights[f"{FILED[1]}.weight"]
    u, s, v = torch.linalg.svd(w.reshape(w.shape[0], -1).double(), full_matrices=False)
    out[FILED[1]] = digest((u[:, :4] * s[:4]) @ v[:4], 64)
    return out


RATES = dict(neuron=0.3, rank=0.25, module=0.2)
DROPPED = [
    ("lora", kohya_dropout, RATES, dict(kind="lora", rank=4, alpha=2)),
    ("loha", weight_dropout, RATES, dict(kind="loha", rank=4, alpha=2)),
    ("lokr, rows and modules", weight_dropout, {**RATES, "neuron": 0}, dict(kind="lokr", rank=2, alpha=1)),
    ("lora, decomposed by output, rows and modules", weight_dropout, {**RATES, "neuron": 0}, dict(kind="lora", rank=4, alpha=2, weight_decompose=True)),
]


def cases():
    out = []
    for name, library, options in CASES:
        unet = new_unet()
        options = dict(options)
        if library == "peft":
            options.pop("kind")
            parameters = peft(unet, few(unet), **options)
        else:
            parameters, _ = lycoris(unet, options.pop("kind"), few(unet), **options)
        out.append({"name": name, **gradients(parameters, unet)})
        print(name, out[-1]["loss"], len(parameters))
    return out


def dropped():
    out = []
    for name, apply, rates, options in DROPPED:
        unet = new_unet()
        options = dict(options)
        parameters, modules = lycoris(unet, options.pop("kind"), few(unet), **options)
        for path, layer in chosen(unet, few(unet)):
            apply(path, layer, modules[path], rates)
        out.append({"name": name, "rates": rates, **gradients(parameters, unet)})
        print(name, out[-1]["loss"])
    return out


def five_steps(options):
    """5 steps of 2 micro-batches of 2, as in training.py, without noise offset, for any kind."""
    seed, batch, accumulate, steps, gamma, dropout = 7, 2, 2, 5, 5.0, 0.3
    unet = new_unet()
    options = dict(options)
    parameters, _ = lycoris(unet, options.pop("kind"), LINEAR, **options)
    scheduler = DDPMScheduler(**BETAS, prediction_type="epsilon")
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
                noises.append(torch.tensor([stream.normal() for _ in range(256)]).reshape(1, 4, 8, 8))
            latent, noise, t = torch.cat(latents), torch.cat(noises), torch.tensor(times)
            y = unet(scheduler.add_noise(latent, noise, t), t, torch.cat(contexts)).sample
            snr = compute_snr(scheduler, t)
            weights = torch.minimum(snr, torch.full_like(snr, gamma)) / snr
            losses = F.mse_loss(y, noise, reduction="none").mean(dim=(1, 2, 3))
            ((losses * weights).mean() / accumulate).backward()
            shown += float(losses.detach().mean()) / accumulate
        norm = float(torch.nn.utils.clip_grad_norm_(list(parameters.values()), 0.15))
        rate = optimizer.param_groups[0]["lr"]
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        reports.append({"loss": shown, "rate": rate, "gradientNorm": norm})
    return {"reports": reports, "parameters": {n: digest(p, 4) for n, p in parameters.items()}}


TRAINED = [
    ("lora, decomposed by output", dict(kind="lora", rank=4, alpha=2, weight_decompose=True)),
    ("lokr", dict(kind="lokr", rank=2, alpha=1)),
]

if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(True)
    out = {"cases": cases(), "files": files(), "pissa": pissa(), "dropped": dropped(), "steps": [{"name": n, **five_steps(o)} for n, o in TRAINED]}
    (DATA / "trainable-kinds.json").write_text(json.dumps(out) + "\n")
