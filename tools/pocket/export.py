"""Writes the trained model as a Diffusers folder in half precision.

    python tools/pocket/export.py --state pocket.run-state --out pretrained/pocket
"""
import argparse
import json
import os
from pathlib import Path

import torch
from safetensors.torch import save_file

import unet
import vae
from state import load

DIFFUSERS = "0.31.0"  # the oldest release whose configuration keys these files use
LEFT_OUT = {"transformers_version", "dtype", "torch_dtype", "_name_or_path", "_use_default_values"}
PARTS = {
    "scheduler": ("diffusers", "DDIMScheduler"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "tokenizer": ("transformers", "CLIPTokenizer"),
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
}


def write_json(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2) + "\n")


def write_weights(path, module, prefix=""):
    weights = {
        (name if name.startswith(prefix) else prefix + name): x.half().contiguous()
        for name, x in module.state_dict().items()
        if x.is_floating_point()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".fresh")
    save_file(weights, fresh, metadata={"format": "pt"})
    fresh.chmod(0o644)
    os.replace(fresh, path)


def export(state, out):
    autoencoder = vae.finished(state)
    autoencoder.register_to_config(scaling_factor=1.0)
    denoiser, text_encoder = unet.averaged(load(state / "unet_state.pt")["average"])
    for name, module in [("unet", denoiser), ("vae", autoencoder)]:
        write_weights(out / name / "diffusion_pytorch_model.safetensors", module)
        settings = {key: value for key, value in dict(module.config).items() if key not in LEFT_OUT}
        write_json(out / name / "config.json", {"_class_name": type(module).__name__, "_diffusers_version": DIFFUSERS, **settings})
    write_weights(out / "text_encoder" / "model.safetensors", text_encoder, prefix="text_model.")
    settings = {key: value for key, value in json.loads(text_encoder.config.to_json_string()).items() if key not in LEFT_OUT}
    write_json(out / "text_encoder" / "config.json", {**settings, "architectures": ["CLIPTextModel"]})
    unet.tokenizer.save(out / "tokenizer")
    write_json(out / "scheduler" / "scheduler_config.json",
               {"_class_name": "DDIMScheduler", "_diffusers_version": DIFFUSERS, **unet.SCHEDULE})
    nothing = {part: [None, None] for part in ("feature_extractor", "image_encoder", "safety_checker")}
    write_json(out / "model_index.json",
               {"_class_name": "StableDiffusionPipeline", "_diffusers_version": DIFFUSERS, **nothing, "requires_safety_checker": False, **PARTS})


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--state", type=Path, required=True)
    options.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "pretrained" / "pocket")
    given = options.parse_args()
    torch.set_num_threads(2)
    export(given.state, given.out)
    size = sum(file.stat().st_size for file in given.out.rglob("*") if file.is_file())
    print(f"{given.out}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
