"""What a training sample asks of the UNet, by sd-scripts, OneTrainer, k-diffusion and scipy -> test/golden/data/objective.json

    python tools/goldens/objective.py <clone of kohya-ss/sd-scripts> <clone of Nerogar/OneTrainer> <clone of crowsonkb/k-diffusion>

Their own code is taken out of their files and run as it stands; only their random numbers are exchanged for those of our
streams (philox.py), sample by sample. Made from sd-scripts 48d368fa, OneTrainer 23df3832, k-diffusion 4601bf0."""
import __future__
import ast
import contextlib
import json
import logging
import math
import sys
import types
import typing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import scipy.stats
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from hashed_weights import fill, hashed
from models import UNETS, digest, given
from peft import LoraConfig
from philox import Stream

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
SD_SCRIPTS, ONE_TRAINER, K_DIFFUSION = (Path(p) for p in sys.argv[1:4])
BETAS = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
SEED = 11
torch.set_num_threads(1)
torch.set_grad_enabled(True)


def numbers(x):
    return [float(f"{v:.9g}") for v in torch.as_tensor(x).detach().double().flatten().tolist()]


def nodes(path, names, inside=None):
    body = ast.parse(path.read_text()).body
    if inside:
        body = next(n for n in body if isinstance(n, ast.ClassDef) and n.name == inside).body
    found = [n for n in body if isinstance(n, ast.FunctionDef) and n.name in names]
    assert {n.name for n in found} == set(names), path
    return found


def run(path, names, known, inside=None):
    """Functions of a file (of one of its classes), without the rest of it."""
    space = dict(known)
    for node in nodes(path, names, inside):
        exec(compile(ast.Module([node], []), str(path), "exec", flags=__future__.annotations.compiler_flag), space)
    return SimpleNamespace(**{name: space[name] for name in names})


class Draws:
    """Stands for the random numbers of torch and random: each call takes those of its purpose, one stream a sample."""

    def __init__(self):
        self.begin([(0, 0)], {})

    def begin(self, places, recipe):
        self.places, self.streams = places, {}
        self.like = ["noise", "input perturbation"]
        self.strengths = [name for name, on in [("noise offset strength", recipe.get("noiseOffsetRandom")),
                                                ("input perturbation strength", recipe.get("inputPerturbationRandom"))] if on]

    def stream(self, purpose, place):
        return self.streams.setdefault((purpose, place), Stream(SEED, purpose, *place))

    def normals(self, purpose, shape):
        count = math.prod(shape[1:])
        rows = [[self.stream(purpose, place).normal() for _ in range(count)] for place in self.places]
        return torch.tensor(rows).reshape(shape)

    def randn_like(self, x, **_):
        return self.normals(self.like.pop(0), x.shape)

    def randn(self, *shape, **_):
        return self.normals("noise offset", shape[0]) if isinstance(shape[0], tuple) else self.normals("pyramid noise", shape)

    def rand(self, *_, **__):
        return torch.tensor([self.stream(self.strengths.pop(0), self.places[0]).uniform()])

    def randint(self, low, high, shape, **_):
        return torch.tensor([low + self.stream("timestep", place).integer(high - low) for place in self.places])

    def random(self):
        return self.stream("pyramid ratio", self.places[0]).uniform()


class Torch(types.ModuleType):
    """torch, but for its random numbers."""

    def __init__(self, draws):
        super().__init__("torch")
        self.draws = draws

    def __getattr__(self, name):
        return getattr(self.draws, name) if name in ("randn_like", "randn", "rand", "randint") else getattr(torch, name)


draws = Draws()
known = {"torch": Torch(draws), "random": draws, "math": math, "typing": typing, "logger": logging.getLogger("sd-scripts")}
custom = run(SD_SCRIPTS / "library/custom_train_functions.py", [
    "prepare_scheduler_for_custom_training", "fix_noise_scheduler_betas_for_zero_terminal_snr", "apply_snr_weight",
    "scale_v_prediction_loss_like_noise_prediction", "get_snr_scale", "add_v_prediction_like_loss", "apply_debiased_estimation",
    "pyramid_noise_like", "apply_noise_offset", "apply_masked_loss"], known)
util = run(SD_SCRIPTS / "library/train_util.py", [
    "get_timesteps", "get_noise_noisy_latents_and_timesteps", "get_huber_threshold_if_needed", "conditional_loss"],
    {**known, "custom_train_functions": custom})
method = run(SD_SCRIPTS / "train_network.py", ["process_batch", "get_noise_pred_and_target", "post_process_loss"],
             {**known, **vars(custom), "train_util": util}, inside="NetworkTrainer")
ACCELERATOR = SimpleNamespace(device="cpu", autocast=contextlib.nullcontext, print=print)


def args_of(recipe):
    """Our fields in sd-scripts' words; what is not there is as its parser has it."""
    get = lambda name, usual=None: recipe.get(name, usual)
    return SimpleNamespace(
        noise_offset=get("noiseOffset"), noise_offset_random_strength=get("noiseOffsetRandom", False),
        adaptive_noise_scale=get("adaptiveNoiseScale"), multires_noise_iterations=get("multiresIterations"),
        multires_noise_discount=get("multiresDiscount", 0.3), ip_noise_gamma=get("inputPerturbation"),
        ip_noise_gamma_random_strength=get("inputPerturbationRandom", False), min_timestep=get("minTimestep"),
        max_timestep=get("maxTimestep"), min_snr_gamma=get("minSnrGamma"), debiased_estimation_loss=get("debiased", False),
        scale_v_pred_loss_like_noise_pred=get("scaleVLoss", False), v_pred_like_loss=get("vLikeLoss"),
        loss_type=get("loss", "l2"), huber_schedule=get("huberSchedule", "snr"), huber_c=get("huberC", 0.1),
        huber_scale=get("huberScale", 1.0), v_parameterization=get("predictionType") == "v_prediction",
        masked_loss=False, gradient_checkpointing=False)


def scheduler_of(recipe):
    scheduler = DDPMScheduler(**BETAS, clip_sample=False)
    if recipe.get("zeroTerminalSnr"):
        custom.fix_noise_scheduler_betas_for_zero_terminal_snr(scheduler)
    custom.prepare_scheduler_for_custom_training(scheduler, "cpu")
    return scheduler


class Trainer:
    """NetworkTrainer as far as a batch goes. Its latents are scaled already."""

    def __init__(self, call_unet):
        self.call_unet = lambda args, accelerator, unet, noisy, timesteps, conds, *_, **__: call_unet(noisy, timesteps, conds)
        self.losses = None

    def shift_scale_latents(self, args, latents):
        return latents

    def get_noise_pred_and_target(self, *args, **kwargs):
        return method.get_noise_pred_and_target(self, *args, **kwargs)

    def post_process_loss(self, loss, *args):
        self.losses = loss.detach()
        return method.post_process_loss(self, loss, *args)

    def process(self, recipe, latents, weights, masks=None, context=None):
        batch = {"latents": latents, "text_encoder_outputs_list": [context if context is not None else torch.zeros(1)],
                 "loss_weights": weights, "alpha_masks": masks}
        return method.process_batch(self, batch, None, None, None, None, scheduler_of(recipe), None, None, ACCELERATOR,
                                    args_of(recipe), None, None, train_text_encoder=False)


def snr_weights():
    """post_process_loss of losses that are 1."""
    options = [{"minSnrGamma": 5}, {"minSnrGamma": 1}, {"debiased": True}, {"minSnrGamma": 5, "debiased": True}]
    own = {"epsilon": [{"vLikeLoss": 0.5}, {"minSnrGamma": 5, "vLikeLoss": 0.5, "debiased": True}],
           "v_prediction": [{"scaleVLoss": True}, {"minSnrGamma": 5, "scaleVLoss": True, "debiased": True}]}
    out = []
    for prediction, zero in [("epsilon", False), ("v_prediction", False), ("v_prediction", True)]:
        timesteps = torch.tensor([0, 1, 137, 500, 801, 998] + ([] if zero else [999]))
        base = {"predictionType": prediction, "zeroTerminalSnr": zero}
        scheduler = scheduler_of(base)
        for option in options + own[prediction]:
            weights = method.post_process_loss(None, torch.ones(len(timesteps)), args_of({**base, **option}), timesteps, scheduler)
            out.append({"prediction": prediction, "alphaBars": numbers(scheduler.alphas_cumprod[timesteps]), "recipe": option,
                        "weights": numbers(weights)})
    return out


def soft_weights():
    """k-diffusion weighs the loss of its inner model, whose outputs are times c_out: divided by that, the loss of the clean
    latent, from which those of noise and velocity follow (noise = (noised - clean)/sigma; velocity: Salimans & Ho 2022)."""
    known = {"torch": torch}
    Denoiser = run(K_DIFFUSION / "k_diffusion/layers.py", ["_weighting_soft_min_snr", "get_scalings"], known, inside="Denoiser")
    alpha_bars, out = [0.9991, 0.7, 0.3, 0.02, 0.0047], []
    for gamma in (1, 5, 20):
        own = SimpleNamespace(sigma_data=1 / math.sqrt(gamma))
        sigma = torch.tensor([math.sqrt((1 - a) / a) for a in alpha_bars], dtype=torch.float64)
        clean = Denoiser._weighting_soft_min_snr(own, sigma) / Denoiser.get_scalings(own, sigma)[1] ** 2
        out.append({"gamma": gamma, "alphaBars": alpha_bars, "epsilon": numbers(clean * sigma**2),
                    "v_prediction": numbers(clean * sigma**2 / (1 + sigma**2))})
    return out


def thresholds():
    timesteps, scheduler, out = torch.tensor([0, 250, 999]), scheduler_of({}), []
    for schedule in ("constant", "exponential", "snr"):
        for c, scale in [(0.1, 1.0), (0.4, 2.0), (1.5, 0.5)]:
            options = {"huberSchedule": schedule, "huberC": c, "huberScale": scale}
            huber = util.get_huber_threshold_if_needed(args_of({"loss": "huber", **options}), timesteps, scheduler)
            out.append({"options": options, "timesteps": timesteps.tolist(), "thresholds": numbers(huber)})
    return out


NOISES = [
    {}, {"noiseOffset": 0.1}, {"noiseOffset": 0.1, "noiseOffsetRandom": True},
    {"noiseOffset": 0.1, "adaptiveNoiseScale": 0.3}, {"noiseOffset": 0.05, "adaptiveNoiseScale": -0.4},
    {"multiresIterations": 6}, {"multiresIterations": 2, "multiresDiscount": 0.8},
    {"inputPerturbation": 0.1}, {"inputPerturbation": 0.1, "inputPerturbationRandom": True},
    {"minTimestep": 200, "maxTimestep": 300}, {"predictionType": "v_prediction", "zeroTerminalSnr": True},
    {"noiseOffset": 0.1, "noiseOffsetRandom": True, "adaptiveNoiseScale": 0.3, "multiresIterations": 8, "multiresDiscount": 0.5,
     "inputPerturbation": 0.2, "inputPerturbationRandom": True, "predictionType": "v_prediction", "minTimestep": 600},
]


def noises():
    """get_noise_pred_and_target of one sample. The mean of the latent is far from 0, as adaptive offsets look at it."""
    latents, out = given("latent", (1, 4, 16, 12)) + torch.tensor([0.5, -1.0, 0.0, 2.0]).reshape(1, 4, 1, 1), []
    for recipe in NOISES:
        for place in [(3, 0), (4, 1)]:
            seen = {}
            draws.begin([place], recipe)
            trainer = Trainer(lambda noisy, timesteps, _: seen.update(noisy=noisy, timestep=int(timesteps)) or torch.zeros_like(noisy))
            _, target, _, _ = method.get_noise_pred_and_target(trainer, args_of(recipe), ACCELERATOR, scheduler_of(recipe), latents, {},
                                                              [], None, None, None, False)
            out.append({"recipe": recipe, "place": place, "timestep": seen["timestep"], "noisy": digest(seen["noisy"], 24), "target": digest(target, 24)})
    return out


LOSSES = [
    {}, {"loss": "l1"}, {"loss": "huber"}, {"loss": "huber", "huberSchedule": "constant", "huberC": 0.3, "huberScale": 2},
    {"loss": "huber", "huberSchedule": "exponential"}, {"loss": "smooth_l1"}, {"loss": "smooth_l1", "huberSchedule": "constant"},
    {"loss": "smooth_l1", "huberSchedule": "exponential", "huberC": 0.02, "huberScale": 0.5},
    {"loss": "l1", "minSnrGamma": 5, "debiased": True}, {"loss": "huber", "minSnrGamma": 5, "vLikeLoss": 0.3},
    {"loss": "smooth_l1", "minSnrGamma": 5, "scaleVLoss": True, "predictionType": "v_prediction"},
]


def losses():
    """process_batch of a prediction that is given: the loss of each sample times its own weight, their weighted mean, its gradient."""
    shape, timesteps, weights, out = (3, 4, 5, 6), torch.tensor([3, 400, 950]), torch.tensor([1.0, 0.5, 2.0]), []
    mask = given("mask", (3, 5, 6)).abs() / math.sqrt(3)
    for recipe in LOSSES:
        for masks in (None, mask):
            prediction, target = given("prediction", shape), given("target", shape)
            prediction[0, 1] = target[0, 1]
            prediction.requires_grad_(True)
            trainer = Trainer(None)
            trainer.get_noise_pred_and_target = lambda *_, **__: (prediction, target, timesteps, None)
            loss = trainer.process(recipe, torch.zeros(shape), weights, masks)
            loss.backward()
            out.append({"recipe": recipe, "masked": masks is not None, "losses": numbers(trainer.losses), "loss": float(loss.detach()),
                        "gradient": digest(prediction.grad, 40)})
    return {"timesteps": timesteps.tolist(), "weights": weights.tolist(), "cases": out}


STEPS = [
    {"loss": "l1", "minSnrGamma": 5, "noiseOffset": 0.1},
    {"loss": "huber", "debiased": True, "masked": True},
    {"loss": "huber", "huberSchedule": "constant", "huberC": 0.5, "vLikeLoss": 0.3, "inputPerturbation": 0.1},
    {"loss": "smooth_l1", "huberSchedule": "exponential", "huberC": 0.05, "huberScale": 2, "minSnrGamma": 5, "scaleVLoss": True,
     "predictionType": "v_prediction", "masked": True},
    {"minSnrGamma": 5, "predictionType": "v_prediction", "zeroTerminalSnr": True, "minTimestep": 300, "maxTimestep": 800, "masked": True},
]


def steps():
    """process_batch of two pictures through the small SD 1.5 UNet with PEFT, the first with a mask, and gradients of A and B."""
    unet = UNet2DConditionModel(sample_size=8, **UNETS["sd15"]).eval()
    fill(unet)
    unet.requires_grad_(False)
    unet.add_adapter(LoraConfig(r=2, lora_alpha=1, target_modules=r"mid_block\..*attn[12]\.to_[qkv]"))
    parameters = {n: p for n, p in unet.named_parameters() if "lora_" in n}
    for n, p in parameters.items():
        p.requires_grad_(True)
        p.data.copy_(torch.from_numpy(hashed(n, p.shape)))
    latents, context = given("latents", (2, 4, 8, 8)), given("context", (2, 7, 48))
    mask = torch.stack([given("mask", (8, 8)).abs() / math.sqrt(3), torch.ones(8, 8)])
    out = []
    for recipe in STEPS:
        draws.begin([(2, 0), (2, 1)], recipe)
        trainer = Trainer(lambda noisy, timesteps, conds: unet(noisy, timesteps, conds[0]).sample)
        loss = trainer.process(recipe, latents, torch.ones(2), mask if recipe.get("masked") else None, context)
        unet.zero_grad()
        loss.backward()
        out.append({"recipe": {k: v for k, v in recipe.items() if k != "masked"}, "masked": recipe.get("masked", False), "loss": float(loss.detach()),
                    "losses": numbers(trainer.losses), "gradients": {n: digest(p.grad, 8) for n, p in parameters.items()}})
    return out


DISTRIBUTIONS = [
    ("uniform", 0, 0), ("logit-normal", 0, 0), ("logit-normal", 0.5, -0.3), ("heavy-tail", 0, 0.8), ("heavy-tail", 0, -0.6),
    ("sigmoid", 0, 0), ("sigmoid", 0.1, 7), ("cos-map", 0, 0), ("inverted-parabola", 0, 7.5), ("inverted-parabola", -0.2, 20),
    ("beta", 1, 0.5), ("beta", 1.7, 0.8), ("beta", 3, 12), ("beta", 0.3, 0.2),
]


def timesteps():
    """OneTrainer's draws, from our numbers: 24 of those that place a number, and the weights of those that weigh timesteps.

    Its beta is drawn by torch, which gives no weights: those are scipy's."""
    for name in ("modules", "modules.util", "modules.util.config", "modules.util.config.TrainConfig", "modules.util.enum",
                 "modules.util.enum.TimestepDistribution"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["modules.util.config.TrainConfig"].TrainConfig = object
    exec((ONE_TRAINER / "modules/util/enum/TimestepDistribution.py").read_text(), sys.modules["modules.util.enum.TimestepDistribution"].__dict__)
    space = {"__name__": "mixin"}
    exec(compile((ONE_TRAINER / "modules/modelSetup/mixin/ModelSetupNoiseMixin.py").read_text(), "mixin", "exec"), space)
    real = {name: getattr(torch, name) for name in ("rand", "normal", "multinomial")}
    kinds, out = sys.modules["modules.util.enum.TimestepDistribution"].TimestepDistribution, []
    for name, bias, weight in DISTRIBUTIONS:
        for low, high in [(0, 1.0), (0.1, 0.9)]:
            config = SimpleNamespace(timestep_distribution=kinds[name.upper().replace("-", "_")], noising_bias=bias, noising_weight=weight,
                                     min_noising_strength=low, max_noising_strength=high, timestep_shift=1.0)
            seen, drawn = {}, []
            count = int(high * 1000) - int(low * 1000)
            for step in range(24):
                stream = Stream(SEED, "timestep", step, 1)
                torch.rand = lambda *_, **__: torch.tensor([stream.uniform()], dtype=torch.float64)
                torch.normal = lambda mean, deviation, **__: torch.tensor([mean + deviation * stream.normal()], dtype=torch.float64)

                def multinomial(weights, **_):
                    seen["weights"] = weights.double()
                    cumulative = np.cumsum(seen["weights"].numpy())
                    return torch.tensor([np.searchsorted(cumulative, stream.uniform() * cumulative[-1], side="right")])

                torch.multinomial = multinomial
                mixin = space["ModelSetupNoiseMixin"]()
                generator = SimpleNamespace(device="cpu")
                if name == "beta":
                    edges = scipy.stats.beta.cdf(np.linspace(0, 1, count + 1), weight, bias)
                    seen["weights"] = torch.from_numpy(np.diff(edges))
                if name != "beta" or bias == 1:
                    drawn.append(int(mixin._get_timestep_discrete(1000, False, generator, 1, config)))
            for key, function in real.items():
                setattr(torch, key, function)
            probabilities = seen.get("weights")
            row = {"timesteps": name, "timestepBias": bias, "timestepWeight": weight, "minTimestep": int(low * 1000), "maxTimestep": int(high * 1000)}
            out.append({"recipe": row, "drawn": drawn,
                        "probabilities": None if probabilities is None else digest(probabilities / probabilities.sum(), 24)})
    return out


if __name__ == "__main__":
    out = {"seed": SEED, "weights": snr_weights(), "soft": soft_weights(), "thresholds": thresholds(), "noises": noises(), "losses": losses(),
           "steps": steps(), "timesteps": timesteps()}
    text = json.dumps(out)
    (DATA / "objective.json").write_text(text + "\n")
    print(len(text), [s["loss"] for s in out["steps"]])
