"""Which tensor of an LDM checkpoint diffusers makes each of its own tensors of.

Every tensor of the LDM layout is filled with a number of its own (OpenCLIP's joined q, k, v with one for each third) and
converted by diffusers; what comes out tells where it came from. Writes a digest of the sorted pairs for each part.
Run: node tools/goldens/checkpoint_names.ts | python tools/goldens/checkpoint_keys.py
"""
import hashlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)

parts = json.load(sys.stdin)
TRANSFORMERS = {"SD 1.x": 4, "SD 2.x": 4, "SDXL": 3}


def ldm_tensors(rows, prefix):
    """Constant tensors by their LDM name, and what each constant stands for."""
    tensors, meaning, thirds = {}, {}, {}
    for _, stored, shape in rows:
        key = prefix + stored["name"]
        tag = len(meaning) + 1
        shape = list(reversed(shape)) if stored.get("turned") else shape
        if "third" in stored:
            meaning[tag] = f'{stored["name"]}#{stored["third"]}'
            thirds.setdefault(key, {})[stored["third"]] = torch.full(shape, float(tag))
            continue
        meaning[tag] = stored["name"]
        is_vae_attention = ".mid.attn_1." in key and len(shape) == 2
        tensors[key] = torch.tensor(float(tag)).expand(*shape, *([1, 1] if is_vae_attention else []))
    for key, three in thirds.items():
        tensors[key] = torch.cat([three[i] for i in range(3)])
    return tensors, meaning


def unet_config(name):
    levels = TRANSFORMERS[name]
    sdxl = name == "SDXL"
    return {
        "layers_per_block": 2,
        "block_out_channels": [0] * levels,
        "down_block_types": ["x"] * levels,
        "up_block_types": ["x"] * levels,
        "class_embed_type": None,
        "addition_embed_type": "text_time" if sdxl else None,
        "num_class_embeds": None,
        "transformer_layers_per_block": [1, 2, 10] if sdxl else 1,
    }


def convert(part, rows):
    if part == "vae":
        tensors, meaning = ldm_tensors(rows, "first_stage_model.")
        config = {"down_block_types": ["x"] * 4, "up_block_types": ["x"] * 4, "layers_per_block": 2}
        return convert_ldm_vae_checkpoint(tensors, config), meaning
    if part.startswith("openClip"):
        prefix = "cond_stage_model.model." if part == "openClipH" else "conditioner.embedders.1.model."
        tensors, meaning = ldm_tensors(rows, prefix)
        width = {"openClipH": 1024, "openClipBigG": 1280}[part]
        model = SimpleNamespace(config=SimpleNamespace(hidden_size=width))
        made = convert_open_clip_checkpoint(model, tensors, prefix=prefix)
        return {k: v for k, v in made.items() if not k.endswith("position_ids")}, meaning
    tensors, meaning = ldm_tensors(rows, "model.diffusion_model.")
    return convert_ldm_unet_checkpoint(tensors, unet_config(part)), meaning


golden = {}
for part, rows in parts.items():
    made, meaning = convert(part, rows)
    shapes = {name: shape for name, _, shape in rows}
    pairs = []
    for name, tensor in made.items():
        tag = int(tensor.flatten()[0])
        assert bool((tensor == tag).all()), name
        pairs.append(f"{name} {list(tensor.shape)} = {meaning[tag]}")
    missing = set(shapes) - set(made)
    extra = set(made) - set(shapes)
    print(part, len(pairs), "missing", sorted(missing)[:4], "extra", sorted(extra)[:4])
    golden[part] = {
        "count": len(pairs),
        "sha256": hashlib.sha256("\n".join(sorted(pairs)).encode()).hexdigest(),
        "example": sorted(pairs)[len(pairs) // 2],
    }
target = Path(__file__).parents[2] / "test/golden/data/checkpoint-keys.json"
target.write_text(json.dumps(golden, indent=1) + "\n")
