"""Loads what `lora convert` wrote with PEFT and diffusers, and compares every ΔW with that of the file it came from.

    python tools/goldens/load_converted.py <sd15, sd2 or sdxl> <kohya.safetensors> <diffusers.safetensors> <PEFT folder>

The base models have the real shapes, and memory that is never touched. ΔW of the kohya file is computed here from its own
bytes, by networks/lora.py's rule; those of the others are what diffusers and PEFT hold after loading. Any key that is
missing or unexpected is an error."""
import gc
import json
import sys
from pathlib import Path

import torch
import transformers.integrations.peft
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from lora_files import REAL_UNETS
from lora_names import TEXTS
from peft import PeftModel, get_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import safe_open
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

transformers.integrations.peft.MIN_PEFT_VERSION = "0.21"  # transformers 5.24 asks for a PEFT that is not out yet
torch.set_num_threads(1)
torch.set_grad_enabled(False)
family, kohya, diffusers, folder = sys.argv[1:]
is_xl = family == "sdxl"
pipeline = StableDiffusionXLPipeline if is_xl else StableDiffusionPipeline


def model_of(part):
    with torch.device("meta"):
        if part == "unet":
            model = UNet2DConditionModel(**REAL_UNETS[family])
        else:
            kind = CLIPTextModelWithProjection if part == "text_encoder_2" else CLIPTextModel
            model = kind(CLIPTextConfig(**TEXTS[family][part == "text_encoder_2"]))
    return model.to_empty(device="cpu")


def flat(name):
    """One spelling of a layer: kohya's, with the `text_model` that transformers 5 leaves out."""
    return name.removeprefix("base_model.model.").removeprefix("text_model.").replace(".", "_")


def deltas(model):
    """Each is made when it is asked for: all of SDXL's together are 10 GB."""
    return {flat(n): lambda m=m: m.get_delta_weight(m.active_adapters[0]) for n, m in model.named_modules() if isinstance(m, BaseTunerLayer)}


def ldm_names(unet):
    """LDM's name of a layer, by diffusers' own conversion, for SDXL's kohya names."""
    from diffusers.loaders.lora_conversion_utils import _convert_non_diffusers_lora_to_diffusers, _maybe_map_sgm_blocks_to_diffusers
    from diffusers.utils.state_dict_utils import convert_unet_state_dict_to_peft

    def to_diffusers(name):
        state = {f"{name}.lora_down.weight": torch.zeros(1), f"{name}.lora_up.weight": torch.zeros(1)}
        state, _ = _convert_non_diffusers_lora_to_diffusers(_maybe_map_sgm_blocks_to_diffusers(state, unet.config))
        return flat(next(k for k in convert_unet_state_dict_to_peft(state) if ".lora_A" in k).removeprefix("unet.").removesuffix(".lora_A.weight"))

    return to_diffusers if is_xl else (lambda name: name.removeprefix("lora_unet_"))


def original(part, name_of):
    prefix = {"unet": "lora_unet_", "text_encoder": "lora_te1_" if is_xl else "lora_te_", "text_encoder_2": "lora_te2_"}[part]
    out = {}
    with safe_open(kohya, "pt") as file:
        for key in file.keys():
            if not key.startswith(prefix) or not key.endswith(".lora_down.weight"):
                continue
            name = key.removesuffix(".lora_down.weight")
            down, up = (file.get_tensor(f"{name}.{s}").float() for s in ("lora_down.weight", "lora_up.weight"))
            alpha = file.get_tensor(f"{name}.alpha").item()
            delta = lambda down=down, up=up, alpha=alpha: (up.flatten(1) @ down.flatten(1)).reshape(up.shape[0], *down.shape[1:]) * (alpha / down.shape[0])
            layer = name_of(name) if part == "unet" else name.removeprefix(prefix).removeprefix("text_model_")
            out[layer] = delta
    return out


def worst(a, b):
    assert set(a) == set(b), sorted(set(a) ^ set(b))[:5]
    relative = lambda x, y: float((x - y.reshape(x.shape)).norm() / y.norm())
    return max(relative(a[k](), b[k]()) for k in b)


def loaded_by_diffusers(part):
    model = model_of(part)
    state, alphas, metadata = pipeline.lora_state_dict(diffusers, unet_config=model.config if part == "unet" else None, return_lora_metadata=True)
    if part == "unet":
        pipeline.load_lora_into_unet(state, alphas, model, metadata=metadata)
    else:
        pipeline.load_lora_into_text_encoder(state, alphas, model, prefix=part, metadata=metadata)
    ours = sum(k.startswith(f"{part}.") for k in state)
    held = sum("lora_" in n for n, _ in model.named_parameters())
    assert ours == held, (ours, held)
    return deltas(model), held


def loaded_by_peft(part):
    path = Path(folder) / part if (Path(folder) / part).exists() else Path(folder)
    model = model_of(part)
    with safe_open(path / "adapter_model.safetensors", "pt") as file:
        keys = set(file.keys())
    adapted = PeftModel.from_pretrained(model, str(path))
    held = set(get_peft_model_state_dict(adapted))
    assert keys == held, sorted(keys ^ held)[:5]
    return deltas(adapted), len(held)


report = {}
parts = ["unet", "text_encoder"] + (["text_encoder_2"] if is_xl else [])
name_of = ldm_names(model_of("unet"))
for part in parts:
    first = original(part, name_of)
    if not first:
        continue
    for program, load in [("diffusers", loaded_by_diffusers), ("peft", loaded_by_peft)]:
        found, keys = load(part)
        report[f"{part} by {program}"] = {"layers": len(found), "keys": keys, "worstRelativeError": worst(found, first)}
        gc.collect()
print(json.dumps(report, indent=1))
