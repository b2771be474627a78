"""Final latents of every sampler on every scheduler, on a small random UNet (see hashed_weights.py) with fixed noise.

Oracles: k-diffusion 0.1.1.post1 and diffusers as installed; Forge's and ComfyUI's own files for what k-diffusion lacks
(schedulers, UniPC, LCM, DDPM, DDIM, strength), run from checkouts whose paths are arguments. Their functions are taken
out of the files by name and run as they are, since the files import the whole program.
Writes test/golden/data/samplers.json.
Usage: python tools/goldens/samplers.py FORGE COMFYUI
(made with stable-diffusion-webui-forge dfdcbab6 and a copy of ComfyUI of 2026-07)
"""

import ast
import base64
import importlib.util
import json
import math
import sys
import types
from functools import partial
from pathlib import Path

import numpy as np
import scipy
import scipy.stats
import torch
import tqdm

# k-diffusion's package imports its training code, which wants a torchvision that fits; only three files are wanted.
root = importlib.util.find_spec("k_diffusion").submodule_search_locations
k_diffusion = sys.modules["k_diffusion"] = types.ModuleType("k_diffusion")
k_diffusion.__path__ = list(root)
sys.modules["torchvision"] = types.ModuleType("torchvision")
sys.modules["torchvision.transforms"] = types.SimpleNamespace(functional=None)
for part in ["utils", "sampling", "external"]:
    setattr(k_diffusion, part, importlib.import_module(f"k_diffusion.{part}"))
sys.modules["torchvision"] = None  # not there: diffusers and transformers do without
K = k_diffusion.sampling

import diffusers  # noqa: E402
from diffusers import UNet2DConditionModel  # noqa: E402
from hashed_weights import fill, uniform  # noqa: E402

FORGE, COMFY = map(Path, sys.argv[1:3])
torch.set_grad_enabled(False)
torch.set_num_threads(1)
SHAPE = [1, 4, 8, 8]
CONFIG = dict(block_out_channels=(16, 32), down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
              up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), layers_per_block=1, cross_attention_dim=16,
              attention_head_dim=(2, 4), use_linear_projection=True, norm_num_groups=8)
TOKENS = 4
KEEP = 4  # every fourth number of a latent is written down


def given(name, shape=SHAPE):
    """A test input: uniform with unit variance; the same in test/golden/hashed-weights.ts."""
    return torch.from_numpy((uniform(name, int(np.prod(shape))) * np.sqrt(12)).astype(np.float32).reshape(shape))


unet = UNet2DConditionModel(sample_size=8, **CONFIG).eval()
fill(unet)
CONTEXT = given("context", [1, TOKENS, 16])


def network(x, t):
    t = torch.as_tensor(t, dtype=torch.float32).reshape(-1)
    return unet(x, t, encoder_hidden_states=CONTEXT).sample


class Noise:
    """The n-th call gives the n-th tensor."""

    def __init__(self):
        self.calls = 0

    def __call__(self, *_, **__):
        self.calls += 1
        return given(f"noise.{self.calls - 1}")

# ------------------------------------------------------------------------------------------------ others' functions


def take(path, names, **namespace):
    """Runs the definitions of `names` (functions, classes, assignments) of a file."""
    tree = ast.parse(path.read_text())
    body = []
    for node in tree.body:
        targets = [t.id for t in getattr(node, "targets", []) if isinstance(t, ast.Name)]
        if getattr(node, "name", None) in names or set(targets) & set(names):
            body.append(node)
    space = {"torch": torch, "math": math, "np": np, "numpy": np, "tqdm": tqdm, "trange": tqdm.trange, **namespace}
    exec(compile(ast.Module(body, []), str(path), "exec"), space)
    missing = [n for n in names if n not in space]
    assert not missing, missing
    return types.SimpleNamespace(**{n: space[n] for n in names})


shared = types.SimpleNamespace(
    sd_model=types.SimpleNamespace(is_sdxl=False),
    opts=types.SimpleNamespace(beta_dist_alpha=0.6, beta_dist_beta=0.6, img2img_fix_steps=False,
                               uni_pc_variant="bh1", uni_pc_skip_type="time_uniform", uni_pc_order=3,
                               uni_pc_lower_order_final=True))
forge_schedulers = take(FORGE / "modules/sd_schedulers.py", [
    "uniform", "sgm_uniform", "get_align_your_steps_sigmas", "kl_optimal", "simple_scheduler", "normal_scheduler",
    "ddim_scheduler", "beta_scheduler"], shared=shared, stats=scipy.stats)
forge_steps = take(FORGE / "modules/sd_samplers_common.py", ["setup_img2img_steps"], opts=shared.opts)
forge_ddpm = take(FORGE / "backend/modules/k_diffusion_extra.py",
                  ["default_noise_sampler", "generic_step_sampler", "DDPMSampler_step", "sample_ddpm"])
forge_lcm = take(FORGE / "modules/sd_samplers_lcm.py", ["sample_lcm", "LCMCompVisDenoiser"],
                 default_noise_sampler=None, sampling=K, utils=k_diffusion.utils,
                 DiscreteEpsDDPMDenoiser=k_diffusion.external.DiscreteEpsDDPMDenoiser)
sys.path.insert(0, str(FORGE / "modules/models/diffusion/uni_pc"))
import uni_pc as forge_uni_pc  # noqa: E402

forge_timesteps = take(FORGE / "modules/sd_samplers_timesteps_impl.py", ["ddim", "UniPCCFG", "unipc"], shared=shared,
                       uni_pc=forge_uni_pc, k_diffusion=k_diffusion, float64=lambda _: torch.float64)
sys.path[0] = str(COMFY / "comfy/extra_samplers")
del sys.modules["uni_pc"]
import uni_pc as comfy_uni_pc  # noqa: E402

comfy_sampling = take(COMFY / "comfy/model_sampling.py", ["ModelSamplingDiscrete", "reshape_sigma", "EPS"])
comfy = take(COMFY / "comfy/samplers.py", [
    "KSampler", "SCHEDULER_HANDLERS", "SCHEDULER_NAMES", "SAMPLER_NAMES", "KSAMPLER_NAMES", "SchedulerHandler", "calculate_sigmas",
    "simple_scheduler", "ddim_scheduler", "normal_scheduler", "beta_scheduler", "linear_quadratic_schedule", "kl_optimal_scheduler"],
    k_diffusion_sampling=K, partial=partial, scipy=scipy, NamedTuple=__import__("typing").NamedTuple,
    Callable=__import__("typing").Callable, logging=None)
comfy_ays = take(COMFY / "comfy_extras/nodes_align_your_steps.py", ["loglinear_interp", "NOISE_LEVELS"])

# ------------------------------------------------------------------------------------------------ noise schedules

betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
ALPHAS = {"sd": torch.cumprod(1 - betas, 0)}
roots = ALPHAS["sd"].sqrt()
rescaled = ((roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2
rescaled[-1] = 4.8973451890853435e-08
ALPHAS["zeroSnr"] = rescaled


def model_of(prediction="epsilon", schedule="sd", double=False):
    """k-diffusion's wrapper: x at sigma -> denoised."""
    wrapper = {"epsilon": k_diffusion.external.DiscreteEpsDDPMDenoiser, "v_prediction": k_diffusion.external.DiscreteVDDPMDenoiser}
    if not double:
        return wrapper[prediction](network, ALPHAS[schedule].float(), False)
    # In float32 Heun's step from sigma 4518 leaves 3e-4 of rounding alone; the network itself stays in float32.
    return wrapper[prediction](lambda x, t: network(x.float(), t).double(), ALPHAS[schedule], False)


def forge_sigmas(scheduler, n, schedule="sd", sdxl=False):
    model = model_of(schedule=schedule)
    shared.sd_model.is_sdxl = sdxl
    f = forge_schedulers
    inner = {"uniform": f.uniform, "sgm_uniform": f.sgm_uniform, "simple": f.simple_scheduler, "normal": f.normal_scheduler,
             "ddim": f.ddim_scheduler, "beta": f.beta_scheduler}
    plain = {"karras": K.get_sigmas_karras, "exponential": K.get_sigmas_exponential, "polyexponential": K.get_sigmas_polyexponential,
             "kl_optimal": f.kl_optimal, "align_your_steps": f.get_align_your_steps_sigmas}
    ends = dict(n=n, sigma_min=model.sigma_min.item(), sigma_max=model.sigma_max.item(), device="cpu")
    if scheduler in inner:
        # normal and sgm_uniform ask for the timestep of a scalar, which k-diffusion cannot take; Forge's can.
        linked = types.SimpleNamespace(sigmas=model.sigmas, get_sigmas=model.get_sigmas, t_to_sigma=model.t_to_sigma,
                                       sigma_to_t=lambda s: model.sigma_to_t(s.reshape(1))[0])
        return inner[scheduler](inner_model=linked, **ends)
    return plain[scheduler](**ends)


SCHEDULERS = ["uniform", "karras", "exponential", "polyexponential", "sgm_uniform", "kl_optimal", "align_your_steps",
              "simple", "normal", "ddim", "beta"]
DISCARDS = {"dpm_2", "dpm_2_ancestral", "dpmpp_3m_sde"}


def a1111_sigmas(sampler, scheduler, steps, schedule="sd"):
    discards = sampler in DISCARDS
    sigmas = forge_sigmas(scheduler, steps + discards, schedule)
    return torch.cat([sigmas[:-2], sigmas[-1:]]) if discards else sigmas


def comfy_plan(sampler, scheduler, steps, denoise=None):
    ms = comfy_sampling.ModelSamplingDiscrete.__new__(comfy_sampling.ModelSamplingDiscrete)
    torch.nn.Module.__init__(ms)
    ms.set_sigmas(((1 - ALPHAS["sd"]) / ALPHAS["sd"]) ** 0.5)
    model = types.SimpleNamespace(get_model_object=lambda _: ms)
    return comfy.KSampler(model, steps, "cpu", sampler, scheduler, denoise).sigmas

# ------------------------------------------------------------------------------------------------ samplers

KS = {
    "dpmpp_2m": K.sample_dpmpp_2m, "dpmpp_sde": K.sample_dpmpp_sde, "dpmpp_2m_sde": K.sample_dpmpp_2m_sde,
    "dpmpp_2m_sde_heun": partial(K.sample_dpmpp_2m_sde, solver_type="heun"), "dpmpp_2s_ancestral": K.sample_dpmpp_2s_ancestral,
    "dpmpp_3m_sde": K.sample_dpmpp_3m_sde, "euler_ancestral": K.sample_euler_ancestral, "euler": K.sample_euler, "lms": K.sample_lms,
    "heun": K.sample_heun, "dpm_2": K.sample_dpm_2, "dpm_2_ancestral": K.sample_dpm_2_ancestral, "ddim": K.sample_euler,
    "uni_pc": comfy_uni_pc.sample_unipc, "uni_pc_bh2": comfy_uni_pc.sample_unipc_bh2, "lcm": forge_lcm.sample_lcm,
    "ddpm": forge_ddpm.sample_ddpm,
}
TAKES_SAMPLER = {"dpmpp_sde", "dpmpp_2m_sde", "dpmpp_2m_sde_heun", "dpmpp_2s_ancestral", "dpmpp_3m_sde", "euler_ancestral",
                 "dpm_2_ancestral", "lcm", "ddpm"}


class Torch:
    """k-diffusion's `torch`, whose randn_like is ours."""

    def __init__(self, noise):
        self.randn_like = noise

    def __getattr__(self, name):
        return getattr(torch, name)


def k_run(model, sampler, x, sigmas, options={}):
    noise = Noise()
    K.torch = Torch(noise)
    extra = {"noise_sampler": noise} if sampler in TAKES_SAMPLER else {}
    if "eta" in options:
        extra["eta"] = options["eta"]
    if "sNoise" in options:
        extra["s_noise"] = options["sNoise"]
    if "churn" in options:
        c = options["churn"]
        extra.update(s_churn=c["amount"], s_tmin=c["from"], s_tmax=c["to"])
    if sampler.startswith("uni_pc"):
        sigmas = sigmas.clone()
        extra["extra_args"] = {}
    return KS[sampler](model, x, sigmas, disable=True, **extra)


def record(latent, **case):
    print(case, file=sys.stderr)
    flat = latent.double().flatten()
    assert torch.isfinite(flat).all(), case
    kept = flat[::KEEP].float().numpy().astype("<f4").tobytes()
    return {**case, "kept": base64.b64encode(kept).decode(), "norm": float(f"{flat.norm():.9g}")}


def a1111(sampler, scheduler, steps=20, prediction="epsilon", schedule="sd", options={}, strength=None):
    sigmas = a1111_sigmas(sampler, scheduler, steps, schedule)
    noise = given("start")
    scale = (1 + sigmas[0] ** 2) ** 0.5 if sampler == "ddim" else sigmas[0]
    x = noise * scale
    if strength is not None:
        p = types.SimpleNamespace(steps=steps, denoising_strength=strength)
        steps_, t_enc = forge_steps.setup_img2img_steps(p)
        sigmas = sigmas[steps_ - t_enc - 1:]
        x = given("picture") + noise * sigmas[0]
    case = dict(oracle="k-diffusion", rule="a1111", sampler=sampler, scheduler=scheduler, steps=steps)
    if prediction != "epsilon":
        case["prediction"] = prediction
    if schedule != "sd":
        case["schedule"] = schedule
    if options:
        case["options"] = options
    if strength is not None:
        case["strength"] = strength
    double = schedule != "sd" and not sampler.startswith("uni_pc")  # which mixes types
    if double:
        x, sigmas = x.double(), sigmas.double()
    latent = k_run(model_of(prediction, schedule, double), sampler, x, sigmas, options)
    # Euler's method is DDIM in x/sqrt(alpha bar): the run of DDIM ends in the variable of its paper.
    return record(latent / (1 + sigmas[-1] ** 2) ** 0.5 if sampler == "ddim" else latent, **case)


def lcm_own(steps):
    alphas = ALPHAS["sd"]
    sigmas_ = (((1 - alphas) / alphas) ** 0.5).float()
    sd = types.SimpleNamespace(forge_objects=types.SimpleNamespace(unet=types.SimpleNamespace(model=types.SimpleNamespace(
        predictor=types.SimpleNamespace(sigmas=sigmas_)))))
    own = forge_lcm.LCMCompVisDenoiser.__new__(forge_lcm.LCMCompVisDenoiser)
    # Its constructor hands sd on as a torch module; only its table is wanted.
    k = k_diffusion.external.DiscreteEpsDDPMDenoiser.__init__
    k_diffusion.external.DiscreteEpsDDPMDenoiser.__init__ = lambda self, _, a, quantize: k(self, network, a, quantize)
    forge_lcm.LCMCompVisDenoiser.__init__(own, sd)
    k_diffusion.external.DiscreteEpsDDPMDenoiser.__init__ = k
    # sigma_to_t of a scalar wants at least one dimension.
    to_t = own.sigma_to_t
    own.sigma_to_t = lambda s: to_t(s.reshape(1))[0]
    sigmas = own.get_sigmas(steps)
    latent = k_run(model_of(), "lcm", given("start") * sigmas[0], sigmas)
    return record(latent, oracle="A1111's LCM", rule="a1111", sampler="lcm", scheduler=None, steps=steps)


def timesteps_own(sampler, steps, strength=None, options={}, prediction="epsilon"):
    """A1111's DDIM and UniPC, which count in timesteps and call the network for epsilon."""
    alphas = ALPHAS["sd"].float()

    def eps(x, t, **_):
        out = network(x, t)
        if prediction == "epsilon":
            return out
        a = forge_uni_pc.interpolate_fn(t.reshape(-1, 1), torch.arange(1000.).reshape(1, -1), alphas.reshape(1, -1)).item()
        return a**0.5 * out + (1 - a) ** 0.5 * x

    class Model:
        inner_model = types.SimpleNamespace(inner_model=types.SimpleNamespace(alphas_cumprod=alphas))

        def __call__(self, x, t, **extra):
            return eps(x, t)

    timesteps = torch.clip(torch.asarray(list(range(0, 1000, 1000 // steps))) + 1, 0, 999)
    x = given("start")
    extra = {}
    if strength is not None:
        p = types.SimpleNamespace(steps=steps, denoising_strength=strength)
        steps_, t_enc = forge_steps.setup_img2img_steps(p)
        level = alphas[timesteps[t_enc]]
        x = given("picture") * level.sqrt() + x * (1 - level).sqrt()
        timesteps = timesteps[:t_enc]
        extra = {"is_img2img": True} if sampler == "uni_pc" else {}
    noise = Noise()
    K.torch = Torch(noise)
    if sampler == "ddim" and "eta" in options:
        extra["eta"] = options["eta"]
    function = forge_timesteps.ddim if sampler == "ddim" else forge_timesteps.unipc
    out = function(Model(), x, timesteps, extra_args={}, callback=lambda _: None, disable=True, **extra)
    case = dict(oracle="A1111", rule="a1111", sampler=sampler, scheduler=None, steps=steps)
    return record(out, **case, **({"strength": strength} if strength is not None else {}), **({"options": options} if options else {}))


def comfy_run(sampler, scheduler, steps, denoise=None):
    sigmas = comfy_plan(sampler, scheduler, steps, denoise)
    top = float((((1 - ALPHAS["sd"][-1]) / ALPHAS["sd"][-1]) ** 0.5))
    is_max = math.isclose(top, float(sigmas[0]), rel_tol=1e-5) or float(sigmas[0]) > top  # Sampler.max_denoise
    scaling = comfy_sampling.EPS()
    picture = torch.zeros(SHAPE) if denoise is None else given("picture")
    x = scaling.noise_scaling(sigmas[0], given("start"), picture, is_max)
    case = dict(oracle="ComfyUI", rule="comfy", sampler=sampler, scheduler=scheduler, steps=steps)
    return record(k_run(model_of(), sampler, x, sigmas), **case, **({"strength": denoise} if denoise is not None else {}))

# ------------------------------------------------------------------------------------------------ diffusers

SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000)
DIFFUSERS = {
    "euler": ("EulerDiscrete", {}), "euler_ancestral": ("EulerAncestralDiscrete", {}), "heun": ("HeunDiscrete", {}),
    "lms": ("LMSDiscrete", {}), "dpm_2": ("KDPM2Discrete", {}), "dpmpp_2m": ("DPMSolverMultistep", {}),
    "dpmpp_2m_sde": ("DPMSolverMultistep", {"algorithm_type": "sde-dpmsolver++"}),
    "ddim": ("DDIM", {"clip_sample": False, "set_alpha_to_one": False}), "ddpm": ("DDPM", {"clip_sample": False}),
    "lcm": ("LCM", {}),
}
OPTIONS = {"karras": "use_karras_sigmas", "exponential": "use_exponential_sigmas", "beta": "use_beta_sigmas"}


def diffusers_run(sampler, spacing, steps=20, scheduler=None, strength=None, prediction="epsilon", inpaint=False):
    name, extra = DIFFUSERS[sampler]
    kind = getattr(diffusers, f"{name}Scheduler")
    extra = {**extra, **({OPTIONS[scheduler]: True} if scheduler else {})}
    s = kind(**SD, timestep_spacing=spacing, steps_offset=1, prediction_type=prediction, **extra)
    noise = Noise()
    module = sys.modules[kind.__module__]
    if hasattr(module, "randn_tensor"):
        module.randn_tensor = noise
    s.set_timesteps(steps)
    timesteps = s.timesteps
    if strength is None or (inpaint and strength == 1):
        x = given("start") * s.init_noise_sigma
    else:  # StableDiffusionImg2ImgPipeline.get_timesteps, prepare_latents
        taken = min(int(steps * strength), steps)
        start = max(steps - taken, 0) * s.order
        timesteps = timesteps[start:]
        if hasattr(s, "set_begin_index"):
            s.set_begin_index(start)
        x = s.add_noise(given("picture"), given("start"), timesteps[:1])
    for t in timesteps:
        x = s.step(network(s.scale_model_input(x, t), t), t, x).prev_sample
    case = dict(oracle=f"diffusers {name}", rule="diffusers", sampler=sampler, scheduler=scheduler, steps=steps, spacing=spacing)
    if strength is not None:
        case["strength"] = strength
    if inpaint:
        case["isInpaint"] = True
    if prediction != "epsilon":
        case["prediction"] = prediction
    return record(x, **case)

# ------------------------------------------------------------------------------------------------ cases


def cases():
    for sampler in KS:
        for scheduler in SCHEDULERS:
            # The numbers of normal are those of uniform, those of polyexponential those of exponential.
            if scheduler not in ("normal", "polyexponential") or sampler in ("dpmpp_2m", "euler"):
                yield a1111(sampler, scheduler)
    for sampler in KS:
        first = {"euler", "heun", "dpm_2", "lms", "dpmpp_2m", "euler_ancestral", "dpmpp_2s_ancestral", "dpm_2_ancestral", "dpmpp_sde", "ddim", "lcm", "ddpm"}
        for steps in [1, 2, 3, 7]:
            # k-diffusion's 2M SDE and 3M SDE and ComfyUI's UniPC cannot take a single step.
            if steps > 1 or sampler in first:
                yield a1111(sampler, "karras", steps)
        yield a1111(sampler, "karras", prediction="v_prediction")
        # Trailing spacing is for zero terminal SNR; uniform starts there as well.
        yield a1111(sampler, "sgm_uniform", prediction="v_prediction", schedule="zeroSnr")
    for sampler in ["euler_ancestral", "dpm_2_ancestral", "dpmpp_2s_ancestral", "dpmpp_sde", "dpmpp_2m_sde", "dpmpp_2m_sde_heun", "dpmpp_3m_sde"]:
        for options in [{"eta": 0.5}, {"eta": 0}, {"sNoise": 1.05}, {"eta": 0.7, "sNoise": 0.95}]:
            yield a1111(sampler, "karras", options=options)
    for sampler in ["euler", "heun", "dpm_2"]:
        for churn in [{"amount": 10, "from": 0, "to": 1e9}, {"amount": 100, "from": 0.05, "to": 8}]:
            yield a1111(sampler, "karras", options={"churn": churn, "sNoise": 1.02})
    for steps in [2, 3, 7, 20, 30]:
        yield timesteps_own("ddim", steps)
    yield timesteps_own("ddim", 20, options={"eta": 0.6})
    yield timesteps_own("ddim", 20, options={"eta": 1})
    for steps in [3, 7, 20, 30]:
        yield timesteps_own("uni_pc", steps)
    for steps in [1, 4, 8]:
        yield lcm_own(steps)
    for strength in [0.3, 0.75, 1]:
        for sampler, scheduler in [("euler", "uniform"), ("euler_ancestral", "simple"), ("dpmpp_2m", "karras"), ("dpm_2", "karras"), ("dpmpp_3m_sde", "exponential")]:
            yield a1111(sampler, scheduler, 20, strength=strength)
        yield timesteps_own("ddim", 20, strength)
        yield timesteps_own("uni_pc", 20, strength)
        for sampler, scheduler in [("euler", "normal"), ("dpmpp_2m", "karras"), ("dpm_2", "simple"), ("uni_pc", "sgm_uniform"), ("ddim", "ddim"), ("euler_ancestral", "beta")]:
            yield comfy_run(sampler, scheduler, 20, strength)
        for sampler in ["euler", "heun", "dpmpp_2m", "ddim"]:
            yield diffusers_run(sampler, "leading", strength=strength)
        yield diffusers_run("ddim", "leading", strength=strength, inpaint=True)
    for sampler in ["euler", "euler_ancestral", "dpmpp_2m", "dpm_2", "uni_pc", "uni_pc_bh2", "ddim", "lcm"]:
        yield comfy_run(sampler, "normal", 20)
        yield comfy_run(sampler, "kl_optimal", 7)
    for spacing in ["leading", "trailing", "linspace"]:
        for sampler in ["euler", "euler_ancestral", "heun", "lms", "dpm_2", "dpmpp_2m", "dpmpp_2m_sde"]:
            yield diffusers_run(sampler, spacing)
            if sampler != "euler_ancestral":
                yield diffusers_run(sampler, spacing, 7)
    for scheduler in OPTIONS:
        for sampler in ["euler", "dpmpp_2m"]:
            yield diffusers_run(sampler, "leading", 20, scheduler)
    for sampler in ["ddim", "ddpm", "dpmpp_2m", "euler"]:
        yield diffusers_run(sampler, "leading", 10, prediction="v_prediction")
    yield diffusers_run("ddim", "leading", 20)
    yield diffusers_run("ddim", "trailing", 20)
    yield diffusers_run("ddpm", "leading", 20)
    for steps in [1, 4, 7]:
        yield diffusers_run("lcm", "leading", steps)


def sigma_lists():
    b64 = lambda s: base64.b64encode(s.float().numpy().astype("<f4").tobytes()).decode()
    for steps in [1, 2, 3, 7, 10, 11, 20, 30, 77]:
        for scheduler in SCHEDULERS:
            yield dict(rule="a1111", scheduler=scheduler, steps=steps, sigmas=b64(forge_sigmas(scheduler, steps)))
        yield dict(rule="a1111", scheduler="align_your_steps", isSdxl=True, steps=steps, sigmas=b64(forge_sigmas("align_your_steps", steps, sdxl=True)))
        for scheduler in ["simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal", "kl_optimal"]:
            if scheduler == "kl_optimal" and steps == 1:
                continue  # ComfyUI divides by zero
            name = "ddim" if scheduler == "ddim_uniform" else scheduler
            yield dict(rule="comfy", scheduler=name, steps=steps, sigmas=b64(comfy_plan("euler", scheduler, steps)))
        for model in ["SD1", "SDXL"]:
            levels = comfy_ays.NOISE_LEVELS[model][:]
            levels = levels if steps + 1 == len(levels) else list(comfy_ays.loglinear_interp(levels, steps + 1))
            yield dict(rule="comfy", scheduler="align_your_steps", isSdxl=model == "SDXL", steps=steps, sigmas=b64(torch.FloatTensor([*levels[:-1], 0])))


# ComfyUI's names of what is called otherwise here.
comfy_plan_ = comfy_plan
comfy_plan = lambda sampler, scheduler, *rest: comfy_plan_(sampler, "ddim_uniform" if scheduler == "ddim" else scheduler, *rest)  # noqa: E731

out = {
    "unet": dict(unet.config), "shape": SHAPE, "tokens": TOKENS, "keep": KEEP,
    "sigmas": list(sigma_lists()), "runs": list(cases()),
}
out["unet"] = {k: v for k, v in out["unet"].items() if not k.startswith("_")}
path = Path(__file__).parents[2] / "test/golden/data/samplers.json"
path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
print(path, path.stat().st_size, len(out["runs"]), "runs", len(out["sigmas"]), "lists of sigmas")
