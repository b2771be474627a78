"""What other programs call the modules of a LoRA -> test/golden/data/lora-names.json

    python tools/goldens/lora_names.py <folder of kohya's sd-scripts>

Names, shapes and parameters come from the programs' own code on models of the real shapes without weights: sd-scripts'
LoRANetwork, LyCORIS' LycorisNetworkKohya, diffusers' converters in both directions. Each list is kept as a digest."""
import hashlib
import json
import sys
import types
from pathlib import Path

import torch
from diffusers import StableDiffusionXLPipeline, UNet2DConditionModel
from diffusers.utils.state_dict_utils import (
    convert_state_dict_to_diffusers,
    convert_state_dict_to_kohya,
    convert_unet_state_dict_to_peft,
)
from lora_files import REAL_UNETS
from transformers import CLIPTextConfig, CLIPTextModel

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
torch.set_grad_enabled(False)
CLIP_L = dict(hidden_size=768, intermediate_size=3072, num_attention_heads=12, num_hidden_layers=12)
TEXTS = {
    "sd15": [CLIP_L],
    "sd2": [dict(hidden_size=1024, intermediate_size=4096, num_attention_heads=16, num_hidden_layers=23)],
    "sdxl": [CLIP_L, dict(hidden_size=1280, intermediate_size=5120, num_attention_heads=20, num_hidden_layers=32)],
}


class TextEncoder(torch.nn.Module):
    """The names of transformers 4, which files have: transformers 5 leaves `text_model` out."""

    def __init__(self, config):
        super().__init__()
        self.text_model = CLIPTextModel(CLIPTextConfig(**config))


def text_encoders(family):
    with torch.device("meta"):
        return [TextEncoder(config) for config in TEXTS[family]]


def digest(lines):
    lines = sorted(lines)
    return {"count": len(lines), "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest(), "samples": lines[:: max(1, len(lines) // 12)]}


def sd_scripts(folder):
    """Modules that kohya trains, and parameters a unit of rank; with and without 3x3 convolutions."""
    sys.path.insert(0, folder)
    # library/utils.py wants packages that names do not need.
    sys.modules["library.utils"] = types.SimpleNamespace(setup_logging=lambda *a, **k: None)
    from library.original_unet import UNet2DConditionModel as KohyaUnet
    from library.sdxl_original_unet import SdxlUNet2DConditionModel
    from networks.lora import LoRANetwork

    plain = list(LoRANetwork.UNET_TARGET_REPLACE_MODULE)
    out, names = {}, {}
    for family in TEXTS:
        with torch.device("meta"):
            # sample_size, attention_head_dim, cross_attention_dim, use_linear_projection, upcast_attention
            unet = SdxlUNet2DConditionModel() if family == "sdxl" else KohyaUnet(64, 8, 768, False) if family == "sd15" else KohyaUnet(64, [5, 10, 20, 20], 1024, True)
        texts = text_encoders(family)
        for kind, conv in [("linear", None), ("conv", 1)]:
            LoRANetwork.UNET_TARGET_REPLACE_MODULE = list(plain)  # sd-scripts adds to it
            network = LoRANetwork(texts if len(texts) > 1 else texts[0], unet, lora_dim=1, alpha=1, conv_lora_dim=conv, conv_alpha=conv)
            modules = network.unet_loras + network.text_encoder_loras
            parameters = {}
            for m in modules:
                part = m.lora_name.split("_")[1]
                parameters[part] = parameters.get(part, 0) + m.lora_down.weight.numel() + m.lora_up.weight.numel()
            counts = {part: sum(m.lora_name.split("_")[1] == part for m in modules) for part in parameters}
            if conv and family != "sd2":
                names[family] = [m.lora_name for m in network.unet_loras]
            shapes = [f"{m.lora_name} {list(m.lora_down.weight.shape)} {list(m.lora_up.weight.shape)}" for m in modules]
            out.setdefault(family, {})[kind] = {"modules": counts, "parametersPerRank": parameters, **digest(shapes)}
    return out, names


def lycoris():
    """Modules of a LyCORIS network over the whole of a UNet and its text encoders: norms and what lies outside the blocks too."""
    from lycoris.kohya import LycorisNetworkKohya

    everything = {"enable_conv": True, "unet_target_module": [], "unet_target_name": [".*"], "text_encoder_target_module": [], "text_encoder_target_name": [".*"], "use_fnmatch": False}
    out = {}
    for family in TEXTS:
        with torch.device("meta"):
            unet = UNet2DConditionModel(**REAL_UNETS[family])
            texts = text_encoders(family)
            LycorisNetworkKohya.apply_preset(everything)
            network = LycorisNetworkKohya(texts if len(texts) > 1 else texts[0], unet, lora_dim=1, conv_lora_dim=1, train_norm=True)
        out[family] = digest(lora.lora_name for lora in network.loras)
    return out


def layers(model):
    return {n.removesuffix(".weight"): p for n, p in model.named_parameters() if n.endswith(".weight") and p.ndim in (2, 4) and "embeddings" not in n}


def peft_keys(family):
    """Keys as get_peft_model_state_dict gives them, part by part."""
    with torch.device("meta"):
        parts = {"unet": UNet2DConditionModel(**REAL_UNETS[family])}
    parts |= {f"text_encoder{'_2' if i else ''}": text for i, text in enumerate(text_encoders(family))}
    return {f"{part}.{layer}.lora_{side}.weight": torch.zeros(1) for part, model in parts.items() for layer in layers(model) for side in "AB"}


def diffusers():
    """Names that diffusers writes: its own of today, and kohya's; the pairs are `PEFT key -> key`."""
    out = {}
    for family in TEXTS:
        keys = list(peft_keys(family))
        tagged = {k: torch.tensor([[float(i)]]) for i, k in enumerate(keys)}
        pairs = lambda made: [f"{keys[int(v.flatten()[0])]} -> {k}" for k, v in made.items() if not k.endswith(".alpha")]
        out[family] = {
            "diffusers": digest(pairs(convert_state_dict_to_diffusers(dict(tagged)))),
            "kohya": digest(pairs({k.replace("lora_unet.", "lora_unet_"): v for k, v in convert_state_dict_to_kohya(dict(tagged)).items()})),
        }
    return out


def kohya_to_diffusers(names):
    """Which layer diffusers makes of each kohya name, in the words of PEFT."""
    tagged = {}
    for i, name in enumerate(names):
        tagged[f"{name}.lora_down.weight"] = torch.full((1, 1), float(i))
        tagged[f"{name}.lora_up.weight"] = torch.full((1, 1), float(i))
    unet_config = types.SimpleNamespace(layers_per_block=2)
    state, _ = StableDiffusionXLPipeline.lora_state_dict(tagged, unet_config=unet_config)
    layers = convert_unet_state_dict_to_peft(state)
    return [f"{names[int(v.flatten()[0])]} -> {k}" for k, v in layers.items() if "lora_A" in k]


if __name__ == "__main__":
    trained, names = sd_scripts(sys.argv[1])
    converted = {family: digest(kohya_to_diffusers(of_unet)) for family, of_unet in names.items()}
    golden = {"sdScripts": trained, "kohyaToDiffusers": converted, "lycoris": lycoris(), "diffusers": diffusers()}
    for part, value in golden.items():
        print(part, json.dumps(value)[:1500])
    (DATA / "lora-names.json").write_text(json.dumps(golden, indent=1) + "\n")
