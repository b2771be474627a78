"""Golden numbers of start noise, noise schedules, spacings of sigmas, and samplers on an analytic denoiser.

Oracles: torch's CPU generator; diffusers' schedulers; and, where A1111 follows k-diffusion and diffusers does not,
k-diffusion's formulas written out here in float64 (crowsonkb/k-diffusion sampling.py and external.py).
Writes test/golden/data/sampling.json. Usage: python tools/goldens/sampling.py
"""

import json
import math
from pathlib import Path

import diffusers
import numpy as np
import torch

# ------------------------------------------------------------------------------------------------ start noise

def noise_case(seed, counts):
    generator = torch.Generator().manual_seed(seed)
    draws = []
    for count in counts:
        values = torch.randn(count, generator=generator).numpy()
        at = list(range(count)) if count <= 40 else sorted({*range(8), *range(count - 24, count), *range(0, count, count // 23)})
        draws.append({
            "count": count,
            "at": at,
            "values": [float(values[i]) for i in at],
            "sumOfSquares": float(np.sum(values.astype(np.float64) ** 2)),
        })
    return {"seed": str(seed), "draws": draws}


NOISE = [
    (0, [5]), (0, [16]), (1, [1, 1, 2]), (2, [15, 15, 3]), (3, [16, 17, 20]), (4, [31, 5, 32, 5]),
    (1234, [4 * 8 * 8, 4 * 8 * 8]), (42, [4 * 64 * 64]), (2**31, [33]), (2**32 - 1, [20]),
    (2**32 + 7, [20]), (123456789012345, [100]), (2**63 - 1, [16]),
]

# ------------------------------------------------------------------------------------------------ noise schedules

SCHEDULES = {
    "sd": dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"),
    "linear": dict(beta_start=0.0001, beta_end=0.02, beta_schedule="linear"),
    "cosine": dict(beta_start=0.0001, beta_end=0.02, beta_schedule="squaredcos_cap_v2"),
    "zeroSnr": dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", rescale_betas_zero_snr=True),
}
AT = [0, 1, 2, 10, 100, 250, 499, 500, 750, 900, 990, 997, 998, 999]


def schedule_case(options):
    alphas = diffusers.DDIMScheduler(num_train_timesteps=1000, **options).alphas_cumprod.double().numpy()
    return {"at": AT, "alphasCumprod": [float(alphas[i]) for i in AT]}


betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
ALPHAS = np.cumprod(1 - betas)
SIGMAS = ((1 - ALPHAS) / ALPHAS) ** 0.5

# ------------------------------------------------------------------------------------------------ spacings of sigmas

def t_to_sigma(t):
    return float(np.exp(np.interp(t, np.arange(1000), np.log(SIGMAS))))


def karras(n):
    ramp = np.linspace(0, 1, n)
    low, high = SIGMAS[0] ** (1 / 7), SIGMAS[-1] ** (1 / 7)
    return (high + ramp * (low - high)) ** 7


SPACINGS = {
    "karras": karras,
    "exponential": lambda n: np.exp(np.linspace(math.log(SIGMAS[-1]), math.log(SIGMAS[0]), n)),
    "normal": lambda n: [t_to_sigma(t) for t in np.linspace(999, 0, n)],
    "sgm_uniform": lambda n: [t_to_sigma(t) for t in np.linspace(999, 0, n + 1)[:-1]],
    "simple": lambda n: [SIGMAS[-(1 + int(x * (1000 / n)))] for x in range(n)],
}
SD = SCHEDULES["sd"]


def ddim_timesteps(spacing, n, offset=1):
    scheduler = diffusers.DDIMScheduler(**SD, timestep_spacing=spacing, steps_offset=offset)
    scheduler.set_timesteps(n)
    return [min(999, int(t)) for t in scheduler.timesteps]


def euler_sigmas(n, karras_sigmas):
    scheduler = diffusers.EulerDiscreteScheduler(**SD, timestep_spacing="linspace", use_karras_sigmas=karras_sigmas)
    scheduler.set_timesteps(n)
    return [float(s) for s in scheduler.sigmas]

# ------------------------------------------------------------------------------------------------ the analytic network

# Seeds, one generator a picture; chosen so that no path runs along the border between two modes, where a difference
# in the seventh digit of a sigma grows to one in the third of the result.
PICTURES = [5, 2**40 + 11]
SHAPE = (1, 2, 4, 4)
GUIDANCE = 3.0
# A mixture of three round Gaussians of variance s2, with other means for the negative prompt; means repeat over the
# 32 numbers of a latent so that the test can write them down: mean_k[i] = centers[k][i % 4].
MIXTURE = {
    "variance": 0.25,
    "conditional": {"weights": [0.5, 0.3, 0.2], "centers": [[1, -1, 0.5, 0], [-1.5, 0.25, 0, 1], [0.2, 0.4, -0.6, -0.8]]},
    "unconditional": {"weights": [0.2, 0.2, 0.6], "centers": [[0, 1, -0.5, 0.3], [-1, -0.5, 0.8, 0], [0.5, 0, 0.1, -1]]},
}


def posterior_mean(x, alpha, sigma, which):
    """x = alpha*x0 + sigma*noise, float64 [32] -> E[x0 | x]; alpha = 0 is pure noise."""
    part = MIXTURE[which]
    s2 = MIXTURE["variance"]
    variance = alpha**2 * s2 + sigma**2
    means = np.array([[c[i % 4] for i in range(x.size)] for c in part["centers"]])
    logs = np.log(part["weights"]) - ((x - alpha * means) ** 2).sum(1) / (2 * variance)
    w = np.exp(logs - logs.max())
    w /= w.sum()
    return ((alpha * s2 * x + sigma**2 * (w @ means)) / variance)


def guided(x, alpha, sigma):
    c, u = posterior_mean(x, alpha, sigma, "conditional"), posterior_mean(x, alpha, sigma, "unconditional")
    return u + GUIDANCE * (c - u)


def output_of(kind, x, alpha, sigma, x0):
    """What a network of that prediction type says where it means x0."""
    eps = (x - alpha * x0) / sigma
    return eps if kind == "epsilon" else alpha * eps - sigma * x0

# ------------------------------------------------------------------------------------------------ k-diffusion

def start(seed, scale):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(SHAPE, generator=generator).double().numpy().ravel() * scale, generator


def denoise(x, sigma):
    return guided(x, 1.0, sigma)


def k_euler(x, sigmas, _):
    for i in range(len(sigmas) - 1):
        d = (x - denoise(x, sigmas[i])) / sigmas[i]
        x = x + d * (sigmas[i + 1] - sigmas[i])
    return x


def k_euler_ancestral(x, sigmas, generator):
    for i in range(len(sigmas) - 1):
        frm, to = sigmas[i], sigmas[i + 1]
        up = min(to, (to**2 * (frm**2 - to**2) / frm**2) ** 0.5)
        down = (to**2 - up**2) ** 0.5
        d = (x - denoise(x, frm)) / frm
        x = x + d * (down - frm)
        if to > 0:
            x = x + torch.randn(SHAPE, generator=generator).double().numpy().ravel() * up
    return x


def k_dpmpp_2m(x, sigmas, _):
    t = [-math.log(s) if s > 0 else math.inf for s in sigmas]
    old = None
    for i in range(len(sigmas) - 1):
        denoised = denoise(x, sigmas[i])
        h = t[i + 1] - t[i]
        if old is None or sigmas[i + 1] == 0:
            x = sigmas[i + 1] / sigmas[i] * x - math.expm1(-h) * denoised
        else:
            r = (t[i] - t[i - 1]) / h
            x = sigmas[i + 1] / sigmas[i] * x - math.expm1(-h) * ((1 + 1 / (2 * r)) * denoised - 1 / (2 * r) * old)
        old = denoised
    return x


K = {"euler": k_euler, "euler_ancestral": k_euler_ancestral, "dpmpp_2m": k_dpmpp_2m}


def k_case(sampler, spacing, steps):
    sigmas = [float(s) for s in SPACINGS[spacing](steps)] + [0.0]
    latents = [K[sampler](*(lambda x, g: (x, sigmas, g))(*start(seed, sigmas[0]))) for seed in PICTURES]
    return dict(oracle="k-diffusion", sampler=sampler, scheduler=spacing, steps=steps, prediction="epsilon", latents=latents)

# ------------------------------------------------------------------------------------------------ diffusers

def d_ddim(prediction, spacing, steps, to_one, options="sd"):
    latents = []
    for seed in PICTURES:
        scheduler = diffusers.DDIMScheduler(
            **SCHEDULES[options], timestep_spacing=spacing, steps_offset=1, prediction_type=prediction,
            set_alpha_to_one=to_one, clip_sample=False,
        )
        scheduler.set_timesteps(steps)
        x = torch.from_numpy(start(seed, 1.0)[0]).reshape(SHAPE)
        for t in scheduler.timesteps:
            a = float(scheduler.alphas_cumprod[t]) if t < 1000 else 0.0
            alpha, sigma = a**0.5, (1 - a) ** 0.5
            flat = x.double().numpy().ravel()
            out = output_of(prediction, flat, alpha, sigma, guided(flat, alpha, sigma))
            x = scheduler.step(torch.from_numpy(out).reshape(SHAPE), t, x).prev_sample
        latents.append(x.double().numpy().ravel())
    return dict(oracle="diffusers", sampler="ddim", scheduler=spacing, steps=steps, prediction=prediction,
                setAlphaToOne=to_one, schedule=options, latents=latents)


def d_sigmas(name, cls, sampler, spacing, steps, prediction, **options):
    """Schedulers that work on x = x0 + sigma*noise (Euler) or on alpha*x (DPMSolverMultistep)."""
    latents = []
    for seed in PICTURES:
        scheduler = cls(**SD, prediction_type=prediction, **options)
        scheduler.set_timesteps(steps)
        preserving = cls is diffusers.DPMSolverMultistepScheduler
        first = float(scheduler.sigmas[0])
        x0, generator = start(seed, first / math.sqrt(1 + first**2) if preserving else first)
        x = torch.from_numpy(x0).reshape(SHAPE)
        for i, t in enumerate(scheduler.timesteps):
            sigma = float(scheduler.sigmas[i])
            alpha = 1 / math.sqrt(1 + sigma**2)
            scheduler.scale_model_input(x, t)
            flat = x.double().numpy().ravel() * (1 if preserving else alpha)  # variance-preserving
            out = output_of(prediction, flat, alpha, sigma * alpha, guided(flat, alpha, sigma * alpha))
            extra = {"generator": generator} if sampler == "euler_ancestral" else {}
            # float32 as a network gives it: its type is also the type in which Euler a draws noise.
            x = scheduler.step(torch.from_numpy(out).float().reshape(SHAPE), t, x, **extra).prev_sample
        latents.append(x.double().numpy().ravel())
    return dict(oracle=f"diffusers {name}", sampler=sampler, scheduler=spacing, steps=steps, prediction=prediction, latents=latents)


def cases():
    for sampler in K:
        for spacing in ["normal", "karras", "exponential", "sgm_uniform", "simple"]:
            yield k_case(sampler, spacing, 12)
    for sampler in K:
        yield k_case(sampler, "karras", 1)
        yield k_case(sampler, "normal", 30)
    # Step counts that divide 1000: elsewhere diffusers steps to t - 1000 // n, which is not the next timestep.
    for prediction in ["epsilon", "v_prediction"]:
        for spacing in ["trailing", "leading"]:
            yield d_ddim(prediction, spacing, 20, False)
            yield d_ddim(prediction, spacing, 10, True)
    yield d_ddim("v_prediction", "trailing", 1, False)
    yield d_ddim("v_prediction", "trailing", 20, True, "zeroSnr")
    # Step counts whose timesteps are whole numbers: between them diffusers interpolates sigma, k-diffusion log sigma.
    for prediction in ["epsilon", "v_prediction"]:
        yield d_sigmas("Euler", diffusers.EulerDiscreteScheduler, "euler", "normal", 10, prediction, timestep_spacing="linspace")
        yield d_sigmas("Euler", diffusers.EulerDiscreteScheduler, "euler", "karras", 20, prediction, timestep_spacing="linspace", use_karras_sigmas=True)
        yield d_sigmas("Euler a", diffusers.EulerAncestralDiscreteScheduler, "euler_ancestral", "normal", 28, prediction, timestep_spacing="linspace")
        dpm = dict(algorithm_type="dpmsolver++", solver_order=2, solver_type="midpoint", timestep_spacing="linspace")
        yield d_sigmas("DPM++ 2M", diffusers.DPMSolverMultistepScheduler, "dpmpp_2m", "karras", 20, prediction, use_karras_sigmas=True, **dpm)
        yield d_sigmas("DPM++ 2M", diffusers.DPMSolverMultistepScheduler, "dpmpp_2m", "sgm_uniform", 27, prediction, **dpm)


def rounded(latents):
    return [[float(f"{x:.8g}") for x in latent] for latent in latents]


def main():
    timesteps = [1, 2, 3, 4, 7, 10, 11, 15, 19, 20, 25, 30, 33, 50, 77, 150, 333]
    out = {
        "noise": [noise_case(*case) for case in NOISE],
        "schedules": {name: {"options": options, **schedule_case(options)} for name, options in SCHEDULES.items()},
        "sigmas": [
            {"scheduler": name, "steps": n, "sigmas": [float(f"{s:.10g}") for s in spacing(n)]}
            for name, spacing in SPACINGS.items() for n in [1, 2, 11, 20, 31]
        ],
        "timesteps": [
            {"scheduler": name, "steps": n, "timesteps": ddim_timesteps(name, n)}
            for name in ["trailing", "leading"] for n in timesteps
        ],
        "leadingWithoutOffset": ddim_timesteps("leading", 20, 0),
        "diffusersSigmas": [
            {"scheduler": "karras" if k else "normal", "steps": n, "sigmas": euler_sigmas(n, k)}
            for k, n in [(False, 10), (False, 28), (True, 20)]
        ],
        "mixture": MIXTURE,
        "guidance": GUIDANCE,
        "shape": SHAPE,
        "seeds": [str(s) for s in PICTURES],
        "runs": [{**case, "latents": rounded(case["latents"])} for case in cases()],
    }
    path = Path(__file__).parents[2] / "test/golden/data/sampling.json"
    path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size, len(out["runs"]), "runs")


main()
