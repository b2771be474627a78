"""100 steps of every optimizer by its reference implementation, and schedules -> test/golden/data/optimizers.json

    python tools/goldens/optimizers.py

Needs torch, transformers, diffusers, bitsandbytes, lion-pytorch, prodigyopt, dadaptation, schedulefree, came-pytorch.
test/golden/optimizers.test.ts walks the same way: gradients are a formula of parameter, step and index."""
import contextlib
import io
import json
from pathlib import Path

import bitsandbytes
import bitsandbytes.backends.cpu.ops as bitsandbytes_cpu
import came_pytorch
import dadaptation
import diffusers.optimization
import lion_pytorch
import numpy as np
import prodigyopt
import schedulefree
import torch
import transformers
from diffusers.training_utils import EMAModel
from hashed_weights import uniform

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
torch.set_num_threads(1)

STEPS = 100
SEEN = (1, 10, 50, 100)
# A vector, A and B of a layer, a convolution's A, and one of more than 4096 numbers, whose last block of 256 is short.
SHAPES = {"bias": (7,), "down": (4, 24), "up": (12, 4, 1, 1), "conv": (4, 3, 3, 3), "large": (20, 260)}


def numbers(x):
    return [float(f"{v:.8g}") for v in np.asarray(x, dtype=np.float64).ravel()]


def start(name):
    """B is 0 at the start, as in a LoRA."""
    n = int(np.prod(SHAPES[name]))
    return np.zeros(n) if name == "up" else 0.1 * uniform(f"optimizer {name}", n)


TARGETS = {name: uniform(f"optimizer target {name}", int(np.prod(shape))) for name, shape in SHAPES.items()}


def gradient(name, step, parameter):
    """Of a bowl around a target, with noise, and of sizes from 1 to 2^-11."""
    n = parameter.size
    noise = uniform(f"optimizer noise {step} {name}", n)
    return (2.0 ** -(np.arange(n) % 12) * (parameter - TARGETS[name] + noise)).astype(np.float32)


def sum_of_codes(codes):
    """Weighted, so that no two codes may change places unseen."""
    return (codes.ravel().long() * (torch.arange(codes.numel()) % 1000 + 1)).sum()


def rate_factor(step):
    """Up in 10 steps, then down to a half."""
    return step / 10 if step < 10 else 1 - 0.5 * (step - 10) / 90


def digest(x):
    """Three numbers evenly spread, the sum, and the root of the sum of squares."""
    x = x.ravel().astype(np.float64)
    return numbers([*x[:: max(1, x.size // 3)][:3], x.sum(), np.sqrt((x * x).sum())])


def run(make, rate, kept=None, shares=None, blind=False):
    """`make(parameter groups, rate)`; `shares`: part of the rate by parameter, which only
    D-Adaptation knows, but for 0; `kept(optimizer)`: scalars to compare; `blind`: gradients are always those at the start."""
    parameters = {}
    for name, shape in SHAPES.items():
        data = torch.from_numpy(start(name).astype(np.float32).reshape(shape))
        parameters[name] = torch.nn.Parameter(data)
    # Optimizers print what they think of their settings.
    with contextlib.redirect_stdout(io.StringIO()):
        optimizer = make(list(parameters.values()), rate) if shares is None else make(
            [{"params": [p], "layer_scale": shares[name]} for name, p in parameters.items()], rate)
    if hasattr(optimizer, "train"):
        optimizer.train()
    seen = {}
    for step in range(1, STEPS + 1):
        for name, p in parameters.items():
            at = start(name).astype(np.float32) if blind else p.detach().numpy().ravel()
            g = gradient(name, step, at.astype(np.float64))
            p.grad = torch.from_numpy(g.reshape(SHAPES[name]))
        for group in optimizer.param_groups:
            if rate is not None:
                group["lr"] = rate * rate_factor(step) * (group.get("layer_scale", 1.0) > 0)
        optimizer.step()
        if step in SEEN:
            seen[step] = {"parameters": {name: digest(p.detach().numpy()) for name, p in parameters.items()}}
            if kept:
                seen[step]["numbers"] = kept(optimizer)
            if hasattr(optimizer, "eval"):
                optimizer.eval()
                seen[step]["evaluated"] = {name: digest(p.detach().numpy()) for name, p in parameters.items()}
                optimizer.train()
            if isinstance(optimizer, bitsandbytes.optim.AdamW8bit):
                state = optimizer.state[parameters["large"]]
                seen[step]["codes"] = [int(sum_of_codes(state[k])) for k in ("state1", "state2")]
    return seen


def nearest_codes():
    """bitsandbytes' CPU kernel looks quotients up in 65536 even bins, so 0 and all below 1.5e-5 become one code. Its
    plain implementation takes the nearest code, as the CUDA kernel does; that one is used here."""
    quantize = torch.ops.bitsandbytes.quantize_blockwise.default
    plain = torch._C.DispatchKeySet(torch._C.DispatchKey.CompositeExplicitAutograd)

    def direct(x, code, absmax_out, out, block):
        codes, absmax = quantize.redispatch(plain, x, code, block)
        out.copy_(codes)
        absmax_out.copy_(absmax)

    bitsandbytes_cpu._quant_blockwise_fp32_direct = direct


def d_of(*names):
    return lambda optimizer: {ours: float(optimizer.param_groups[0][theirs]) for ours, theirs in names}


PRODIGY = d_of(("d", "d"), ("dMax", "d_max"), ("numerator", "d_numerator"))
D_ADAPT = d_of(("d", "d"), ("numerator", "numerator_weighted"))
SCHEDULE_FREE = d_of(("rateMax", "lr_max"), ("weightSum", "weight_sum"))


def case(name, optimizer, make, rate, options=None, decay=0.0, kept=None, shares=None,
         blind=False):
    return {"name": name, "optimizer": optimizer, "options": options or {}, "weightDecay": decay, "rate": rate,
            **({} if shares is None else {"shares": shares}), **({"blind": True} if blind else {}),
            "seen": run(make, rate, kept, shares, blind)}


def cases():
    adafactor, prodigy, dadapt = transformers.Adafactor, prodigyopt.Prodigy, dadaptation.DAdaptAdam
    came, free = came_pytorch.CAME, schedulefree.AdamWScheduleFree
    yield case("usual", "adamw", lambda p, r: torch.optim.AdamW(p, r, weight_decay=0.05), 0.01, decay=0.05)
    nearest_codes()
    # A root of torch differs from the exact one in its last bit now and then. In gradients that follow the parameters,
    # such a bit would in the end make a code another one; blind ones let all codes be compared.
    yield case("usual", "adamw8bit", lambda p, r: bitsandbytes.optim.AdamW8bit(p, r, weight_decay=0.05), 0.01, decay=0.05,
               blind=True)
    yield case("usual", "lion", lambda p, r: lion_pytorch.Lion(p, r), 0.003)
    yield case("with decay", "lion", lambda p, r: lion_pytorch.Lion(p, r, betas=(0.95, 0.98), weight_decay=0.5), 0.003,
               {"beta1": 0.95, "beta2": 0.98}, 0.5)
    yield case("relative step", "adafactor", lambda p, r: adafactor(p), None)
    yield case("relative step with warm-up", "adafactor", lambda p, r: adafactor(p, warmup_init=True, weight_decay=0.1), None,
               {"warmupInit": True}, 0.1)
    yield case("fixed rate", "adafactor", lambda p, r: adafactor(
        p, r, relative_step=False, scale_parameter=False, weight_decay=0.05), 0.01,
        {"relativeStep": False, "scaleParameter": False}, 0.05)
    yield case("fixed rate, scaled, with momentum", "adafactor", lambda p, r: adafactor(
        p, r, relative_step=False, beta1=0.9, decay_rate=-0.7, clip_threshold=0.8), 0.1,
        {"relativeStep": False, "beta1": 0.9, "decayRate": -0.7, "clipThreshold": 0.8})
    yield case("usual", "prodigy", lambda p, r: prodigy(p, r), 1.0, kept=PRODIGY)
    yield case("all options", "prodigy", lambda p, r: prodigy(
        p, r, betas=(0.9, 0.99), beta3=0.98, weight_decay=0.01, use_bias_correction=True, safeguard_warmup=True,
        d0=1e-5, d_coef=2.0, growth_rate=1.3, slice_p=5), 1.0,
        {"beta2": 0.99, "beta3": 0.98, "useBiasCorrection": True, "safeguardWarmup": True, "d0": 1e-5, "dCoef": 2.0,
         "growthRate": 1.3, "sliceP": 5}, 0.01, PRODIGY)
    yield case("decay in the gradient", "prodigy", lambda p, r: prodigy(p, r, weight_decay=0.1, decouple=False, d0=1e-4),
               1.0, {"decouple": False, "d0": 1e-4}, 0.1, PRODIGY)
    part = {"bias": 1.0, "down": 1.0, "up": 1.0, "conv": 0.0, "large": 1.0}
    yield case("a part that is not trained", "prodigy", lambda p, r: prodigy(p, r), 1.0, kept=PRODIGY, shares=part)
    yield case("usual", "dadapt-adamw", lambda p, r: dadapt(p, r, decouple=True, weight_decay=0.01), 1.0,
               {"decouple": True}, 0.01, D_ADAPT)
    yield case("all options", "dadapt-adamw", lambda p, r: dadapt(
        p, r, betas=(0.8, 0.99), weight_decay=0.1, use_bias_correction=True, d0=1e-5, growth_rate=1.2), 1.0,
        {"beta1": 0.8, "beta2": 0.99, "useBiasCorrection": True, "d0": 1e-5, "growthRate": 1.2},
        0.1, D_ADAPT)
    shares = {"bias": 1.0, "down": 0.5, "up": 1.0, "conv": 0.25, "large": 0.5}
    yield case("parts of the rate", "dadapt-adamw", lambda p, r: dadapt(p, r, decouple=True), 1.0,
               {"decouple": True}, 0.0, D_ADAPT, shares)
    yield case("usual", "schedulefree-adamw", lambda p, r: free(p, r), 0.02, kept=SCHEDULE_FREE)
    yield case("all options", "schedulefree-adamw", lambda p, r: free(
        p, r, betas=(0.95, 0.99), weight_decay=0.1, r=1.0, weight_lr_power=1.0), 0.02,
        {"beta1": 0.95, "beta2": 0.99, "r": 1, "weightRatePower": 1}, 0.1, SCHEDULE_FREE)
    yield case("usual", "came", lambda p, r: came(p, r), 0.005)
    yield case("all options", "came", lambda p, r: came(
        p, r, eps=(1e-20, 1e-12), clip_threshold=0.7, betas=(0.8, 0.99, 0.995), weight_decay=0.1), 0.005,
        {"beta1": 0.8, "beta2": 0.99, "beta3": 0.995, "epsilon": 1e-20, "instabilityEpsilon": 1e-12, "clipThreshold": 0.7}, 0.1)
    yield case("with decay", "sgd-nesterov", lambda p, r: torch.optim.SGD(
        p, r, momentum=0.95, nesterov=True, weight_decay=0.05), 0.05, {"momentum": 0.95}, 0.05)


def rex(progress):
    """OneTrainer's `lr_lambda_rex`, restated: min 0, max 1, d 0.9."""
    return (1 - progress) / ((1 - 0.9) + 0.9 * (1 - progress))


def schedules():
    """Rates of the first `steps` + 1 steps at rate 2e-3. The warm-up of the packages is one step later than ours."""
    rate, out = 2e-3, []

    def row(name, warmup, steps, make, **fields):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
        scheduler, rates = make(optimizer, warmup, steps), []
        for _ in range(steps + 1):
            rates.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            scheduler.step()
        out.append({"name": name, "rate": rate, "warmupSteps": warmup, "steps": steps, **fields, "rates": rates})

    kinds = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine", "cosine-restarts": "cosine_with_restarts",
             "polynomial": "polynomial", "inverse-sqrt": "inverse_sqrt"}

    def transformers_of(name, **kwargs):
        return lambda o, w, s: transformers.get_scheduler(kinds[name], o, w, s, scheduler_specific_kwargs=kwargs)

    def diffusers_of(name, **kwargs):
        return lambda o, w, s: diffusers.optimization.get_scheduler(
            kinds[name], o, num_warmup_steps=w, num_training_steps=s, **kwargs)

    for warmup in (0, 3):
        for name in ("constant", "linear", "cosine"):
            row(name, warmup, 12, transformers_of(name))
            row(name, warmup, 12, diffusers_of(name))
        for cycles in (1, 3):
            row("cosine-restarts", warmup, 17, transformers_of("cosine-restarts", num_cycles=cycles), cycles=cycles)
            row("cosine-restarts", warmup, 17, diffusers_of("cosine-restarts", num_cycles=cycles), cycles=cycles)
        row("cosine", warmup, 12, lambda o, w, s: transformers.get_scheduler(
            "cosine_with_min_lr", o, w, s, scheduler_specific_kwargs={"min_lr_rate": 0.1}), minRatio=0.1)
        for power in (1.0, 2.5):
            row("polynomial", warmup, 12, transformers_of("polynomial", power=power, lr_end=1e-4), power=power, minRatio=0.05)
            # diffusers' end is 1e-7.
            row("polynomial", warmup, 12, diffusers_of("polynomial", power=power), power=power, minRatio=5e-5)
        row("inverse-sqrt", warmup, 30, transformers_of("inverse-sqrt"))
        row("warmup-stable-decay", warmup, 20, lambda o, w, s: transformers.get_wsd_schedule(
            o, w, num_decay_steps=6, num_training_steps=s), decaySteps=6)
        row("warmup-stable-decay", 0, 20, lambda o, w, s: transformers.get_wsd_schedule(
            o, w, num_decay_steps=6, num_training_steps=s, min_lr_ratio=0.2), decaySteps=6, minRatio=0.2)
        for floor in (0.0, 0.1):
            rates = [rate * s / warmup if s < warmup else rate * (floor + (1 - floor) * rex(min(1, (s - warmup) / (12 - warmup))))
                     for s in range(13)]
            out.append({"name": "rex", "rate": rate, "warmupSteps": warmup, "steps": 12, "minRatio": floor, "rates": rates})
    return out


def averages():
    """EMAModel over parameters that move by a formula. A `min_decay` as large as the decay is one without warm-up."""
    out = []
    for warmup, decay in ((True, 0.9999), (True, 0.5), (False, 0.9)):
        parameter = torch.nn.Parameter(torch.from_numpy(uniform("average 0", 6).astype(np.float32)))
        model = EMAModel([parameter], decay=decay, min_decay=0.0 if warmup else decay)
        means = []
        for step in range(1, 21):
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(uniform(f"average {step}", 6).astype(np.float32)))
            model.step([parameter])
            means.append({"decay": float(model.cur_decay_value), "mean": numbers(model.shadow_params[0].detach().numpy())})
        out.append({"emaDecay": decay, "emaWarmup": warmup, "means": means})
    return out


def code_values():
    """The 256 values of each table."""
    create = bitsandbytes.functional.create_dynamic_map
    exact = lambda x: [float(f"{v:.9g}") for v in x.double().tolist()]
    return {"signed": exact(create(True)), "unsigned": exact(create(False))}


if __name__ == "__main__":
    golden = {"cases": list(cases()), "schedules": schedules(), "averages": averages(), "codes": code_values()}
    (DATA / "optimizers.json").write_text(json.dumps(golden) + "\n")
