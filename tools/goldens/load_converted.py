"""Loads what `lora convert` wrote with PEFT and diffusers, and compares every ΔW with that of the file it came from.

    python tools/goldens/load_converted.py <base folder> <kohya.safetensors> <diffusers.safetensors> <PEFT folder>

The base is a Diffusers folder of SD 1.x, 2.x or SDXL. ΔW of the kohya file is computed here from its own bytes, by
networks/lora.py's rule; those of the others are what diffusers and PEFT hold after loading. Any key that is missing or
unexpected is an error."""
import gc
import json
import sys
from pathlib import Path

import torch
import transformers.integrations.peft
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import safe_open
from transformers import CLIPTextModel, CLIPTextModelWithProjection

transformers.integrations.peft.MIN_PEFT_VERSION = "0.21"  # transformers 5.24 asks for a PEFT that is not out yet
torch.set_num_threads(1)
torch.set_grad_enabled(False)
base, kohya, diffusers, folder = sys.argv[1:]
is_xl = (Path(base) / "text_encoder_2").exists()
pipeline = StableDiffusionXLPipeline if is_xl else StableDiffusionPipeline


def model_of(part):
    kind = {"unet": UNet2DConditionModel, "text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}[part]
    return kind.from_pretrained(base, subfolder=part, torch_dtype=torch.float32).eval()


def flat(name):
    """One spelling of a layer: kohya's, with the `text_model` that transformers 5 leaves out."""
    return name.removeprefix("base_model.model.").removeprefix("text_model.").replace(".", "_")


def deltas(model):
    return {flat(n): m.get_delta_weight(m.active_adapters[0]) for n, m in model.named_modules() if isinstance(m, BaseTunerLayer)}


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
            delta = (up.flatten(1) @ down.flatten(1)).reshape(up.shape[0], *down.shape[1:]) * (alpha / down.shape[0])
            layer = name_of(name) if part == "unet" else name.removeprefix(prefix).removeprefix("text_model_")
            out[layer] = delta
    return out


def worst(a, b):
    assert set(a) == set(b), sorted(set(a) ^ set(b))[:5]
    return max(float((a[k] - b[k].reshape(a[k].shape)).norm() / b[k].norm()) for k in b)


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
    from peft import get_peft_model_state_dict

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
