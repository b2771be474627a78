"""A small LoRA file in kohya's format, written by safetensors, and its ‖ΔW‖ computed with full matrices in NumPy.

Writes test/golden/data/inspect-lora.safetensors and inspect-lora.json. Usage: python tools/goldens/inspect_lora.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

DATA = Path(__file__).parents[2] / "test/golden/data"
# name, out, in, kernel, rank, alpha (None: no alpha tensor), dtype, block, layer
MODULES = [
    ("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q", 12, 12, 0, 4, 2.0, torch.float32, "down_blocks.0", "attn1.to_q"),
    ("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k", 12, 16, 0, 3, 3.0, torch.float16, "down_blocks.0", "attn2.to_k"),
    ("lora_unet_down_blocks_0_attentions_0_proj_in", 12, 12, 1, 4, 1.0, torch.float32, "down_blocks.0", "proj_in"),
    ("lora_unet_down_blocks_1_resnets_0_conv1", 8, 12, 3, 2, None, torch.float32, "down_blocks.1", "conv1"),
    ("lora_unet_mid_block_attentions_0_transformer_blocks_0_ff_net_0_proj", 48, 12, 0, 4, -0.5, torch.bfloat16, "mid_block", "ff.net.0.proj"),
    ("lora_unet_up_blocks_1_attentions_2_transformer_blocks_0_attn1_to_out_0", 12, 12, 0, 4, 4.0, torch.float32, "up_blocks.1", "attn1.to_out.0"),
    ("lora_te_text_model_encoder_layers_3_self_attn_q_proj", 16, 16, 0, 2, 1.0, torch.float32, "te layers.3", "te q_proj"),
    ("lora_te_text_model_encoder_layers_3_mlp_fc1", 32, 16, 0, 2, 1.0, torch.float32, "te layers.3", "te fc1"),
]


def main():
    torch.manual_seed(3)
    tensors, modules, blocks, targets = {}, [], {}, {}
    for name, out, inside, kernel, rank, alpha, dtype, block, layer in MODULES:
        ends = (kernel, kernel) if kernel else ()
        down = torch.randn(rank, inside, *ends).to(dtype)
        up = torch.randn(out, rank, *((1, 1) if kernel else ())).to(dtype)
        tensors[f"{name}.lora_down.weight"], tensors[f"{name}.lora_up.weight"] = down, up
        if alpha is not None:
            tensors[f"{name}.alpha"] = torch.tensor(alpha, dtype=dtype)
        scale = 1.0 if alpha is None else alpha / rank
        delta = scale * (up.double().numpy().reshape(out, rank) @ down.double().numpy().reshape(rank, -1))
        norm = float(np.linalg.norm(delta))
        modules.append({"name": name, "rank": rank, "alpha": rank if alpha is None else alpha, "norm": norm})
        blocks.setdefault(block, []).append(delta.ravel())
        targets[layer] = targets.get(layer, 0) + 1
    save_file(tensors, DATA / "inspect-lora.safetensors", metadata={"ss_network_dim": "4", "ss_output_name": "golden"})
    expected = {
        "modules": sorted(modules, key=lambda m: m["name"]),
        "blocks": {b: {"modules": len(d), "norm": float(np.linalg.norm(np.concatenate(d)))} for b, d in blocks.items()},
        "targets": targets,
        "parameters": sum(t.numel() for t in tensors.values()),
    }
    (DATA / "inspect-lora.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
    print(len(tensors), "tensors")


main()
