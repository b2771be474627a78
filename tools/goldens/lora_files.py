"""LoRA files as diffusers, PEFT and safetensors write and read them -> test/golden/data/lora-files.json

    python tools/goldens/lora_files.py"""
import hashlib
import json
import struct
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint
from diffusers.utils.state_dict_utils import convert_state_dict_to_kohya
from hashed_weights import fill, hashed
from models import CONV, LINEAR, UNETS, digest, given
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
torch.set_num_threads(1)
torch.set_grad_enabled(False)
REAL = dict(sample_size=64, in_channels=4, layers_per_block=2)
REAL_UNETS = {
    "sd15": dict(block_out_channels=(320, 640, 1280, 1280), cross_attention_dim=768, attention_head_dim=8, **REAL),
    "sd2": dict(block_out_channels=(320, 640, 1280, 1280), cross_attention_dim=1024, attention_head_dim=(5, 10, 20, 20), use_linear_projection=True, **REAL),
    "sdxl": dict(block_out_channels=(320, 640, 1280), cross_attention_dim=2048, attention_head_dim=(5, 10, 20), use_linear_projection=True,
                 down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                 up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), transformer_layers_per_block=(1, 2, 10),
                 addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816, **REAL),
}


def written_file():
    """A PEFT adapter on the small SD 1.5 UNet as a kohya file, and what the UNet gives once diffusers has loaded it."""
    make = lambda: UNet2DConditionModel(sample_size=8, **UNETS["sd15"]).eval()
    unet = make()
    unet.add_adapter(LoraConfig(r=4, lora_alpha=3, target_modules=LINEAR + CONV))
    for name, p in unet.named_parameters():
        if "lora_" in name:
            p.data.copy_(torch.from_numpy(hashed(name, p.shape)))
    state = {f"unet.{k}": v for k, v in get_peft_model_state_dict(unet).items()}
    kohya = convert_state_dict_to_kohya(state)
    kohya = {k.replace("lora_unet.", "lora_unet_"): (torch.tensor(3.0) if k.endswith(".alpha") else v.contiguous()) for k, v in kohya.items()}
    data = save(kohya)
    body = data[8 + struct.unpack("<Q", data[:8])[0]:]
    fresh = make()
    fill(fresh)
    loaded, alphas = StableDiffusionPipeline.lora_state_dict(dict(kohya))
    StableDiffusionPipeline.load_lora_into_unet(loaded, alphas, fresh)
    y = fresh(given("x", (2, 4, 8, 8)), torch.tensor([17, 801]), given("context", (2, 7, 48))).sample
    return {"shapes": {k: list(v.shape) for k, v in sorted(kohya.items())}, "bodyHash": hashlib.sha256(body).hexdigest(), "y": digest(y)}


def inside(module):
    return module.weight[0].numel()


def targets():
    """What kohya's networks/lora.py chooses by module class: all linear and 1x1 layers of the transformers; with conv_dim also the residual blocks and samplers."""
    out = {}
    for family, config in REAL_UNETS.items():
        with torch.device("meta"):
            unet = UNet2DConditionModel(**config)
        found = {}
        for preset, classes in [("linear", ["Transformer2DModel"]), ("conv", ["Transformer2DModel", "ResnetBlock2D", "Downsample2D", "Upsample2D"])]:
            names = {f"{outer}.{inner}": m for outer, block in unet.named_modules() if type(block).__name__ in classes
                     for inner, m in block.named_modules() if type(m).__name__ in ("Linear", "Conv2d", "LoRACompatibleLinear", "LoRACompatibleConv")}
            found[preset] = {"layers": len(names), "parametersPerRank": sum(m.weight.shape[0] + inside(m) for m in names.values()),
                             "names": hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()}
        out[family] = {"config": {k: v for k, v in dict(unet.config).items() if not k.startswith("_") and k != "use_default_values"}, "presets": found}
    return out


def ldm_names():
    """LDM names of every layer of the SDXL UNet. diffusers' converter of whole checkpoints is asked for a checkpoint whose 'weights' are their own names."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(**REAL_UNETS["sdxl"])
    wanted = [n for n, p in unet.named_parameters() if n.endswith(".weight") and p.ndim in (2, 4)]
    transformer = {n.split(".attentions.0.")[1] for n in wanted if n.startswith("mid_block.attentions.0.")}
    residual = ["in_layers.2", "out_layers.3", "emb_layers.1", "skip_connection"]
    names = ["time_embed.0", "time_embed.2", "label_emb.0.0", "label_emb.0.2", "input_blocks.0.0", "out.2"]
    for block in [f"input_blocks.{i}" for i in range(1, 9)] + ["middle_block"] + [f"output_blocks.{i}" for i in range(9)]:
        for place in range(3):
            names += [f"{block}.{place}.{leaf}" for leaf in residual + ["op", "conv"] + [t.removesuffix(".weight") for t in sorted(transformer)]]
    checkpoint = {f"model.diffusion_model.{n}.{kind}": n for n in names for kind in ("weight", "bias")}
    for n in ("out.0", "input_blocks.0.0", "out.2", "time_embed.0", "time_embed.2", "label_emb.0.0", "label_emb.0.2"):
        checkpoint |= {f"model.diffusion_model.{n}.{kind}": n for kind in ("weight", "bias")}
    try:
        converted = convert_ldm_unet_checkpoint(checkpoint, dict(unet.config))
    except KeyError as error:
        raise SystemExit(f"the converter wants {error}")
    pairs = {n.removesuffix(".weight"): converted[n] for n in wanted if n in converted}
    missing = [n for n in wanted if n not in converted]
    assert not missing, missing[:5]
    lines = [f"{a} {b}" for a, b in sorted(pairs.items())]
    samples = {k: pairs[k] for k in sorted(pairs)[:: len(pairs) // 24]}
    return {"layers": len(pairs), "hash": hashlib.sha256("\n".join(lines).encode()).hexdigest(), "samples": samples}


if __name__ == "__main__":
    out = {"written": written_file(), "targets": targets(), "ldm": ldm_names()}
    (DATA / "lora-files.json").write_text(json.dumps(out) + "\n")
    print({f: t["presets"] for f, t in out["targets"].items()}, out["ldm"]["layers"], list(out["ldm"]["samples"].items())[:8], list(out["written"]["shapes"].items())[:4])
