"""Two small LoRA files with every kind that has a ΔW of its own, written by safetensors, and what NumPy says of them with
full matrices in float64: norms, singular values, ranks, angles between the two.

Writes test/golden/data/inspect-{lora,other}.safetensors and inspect-lora.json. Usage: python tools/goldens/inspect_lora.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

DATA = Path(__file__).parents[2] / "test/golden/data"
ATTENTION = "down_blocks.0.attentions.0.transformer_blocks.0"
UP = "up_blocks.1.attentions.2.transformer_blocks.0"
TEXT = "text_model.encoder.layers.3"

# kind, target, out, in, kernel, rank, alpha (None: no alpha tensor), dtype, block, layer
MODULES = [
    ("lora", f"unet.{ATTENTION}.attn1.to_q", 12, 12, 0, 4, 2.0, torch.float32, "down_blocks.0", "attn1.to_q"),
    ("lora", f"unet.{ATTENTION}.attn2.to_k", 12, 16, 0, 3, 3.0, torch.float16, "down_blocks.0", "attn2.to_k"),
    ("lora", "unet.down_blocks.0.attentions.0.proj_in", 12, 12, 1, 4, 1.0, torch.float32, "down_blocks.0", "proj_in"),
    ("lora", "unet.down_blocks.1.resnets.0.conv1", 8, 12, 3, 2, None, torch.float32, "down_blocks.1", "conv1"),
    ("tucker", "unet.down_blocks.1.resnets.0.conv2", 10, 8, 3, 4, 2.0, torch.float32, "down_blocks.1", "conv2"),
    ("lora", "unet.mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj", 48, 12, 0, 4, -0.5, torch.bfloat16, "mid_block", "ff.net.0.proj"),
    ("loha", "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q", 20, 24, 0, 2, 1.0, torch.float32, "mid_block", "attn1.to_q"),
    ("loha", "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_k", 20, 24, 0, 9, 3.0, torch.float32, "mid_block", "attn1.to_k"),
    ("loha", "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_q", 260, 280, 0, 9, 2.0, torch.float32, "mid_block", "attn2.to_q"),
    ("loha_tucker", "unet.mid_block.resnets.0.conv1", 8, 10, 3, 3, 1.5, torch.float32, "mid_block", "conv1"),
    ("lora", f"unet.{UP}.attn1.to_out.0", 12, 12, 0, 4, 4.0, torch.float32, "up_blocks.1", "attn1.to_out.0"),
    ("lokr_full", f"unet.{UP}.attn1.to_q", 12, 20, 0, 0, 3.0, torch.float32, "up_blocks.1", "attn1.to_q"),
    ("lokr_half", f"unet.{UP}.attn1.to_k", 12, 20, 0, 2, 1.0, torch.float32, "up_blocks.1", "attn1.to_k"),
    ("lokr_both", f"unet.{UP}.attn1.to_v", 12, 20, 0, 2, 1.0, torch.float32, "up_blocks.1", "attn1.to_v"),
    ("lokr_tucker", "unet.up_blocks.1.resnets.0.conv1", 12, 20, 3, 2, 1.0, torch.float32, "up_blocks.1", "conv1"),
    ("full", "unet.up_blocks.1.resnets.0.conv2", 6, 8, 3, 0, None, torch.float32, "up_blocks.1", "conv2"),
    ("norm", "unet.up_blocks.1.resnets.0.norm1", 16, 0, 0, 0, None, torch.float32, "up_blocks.1", "norm1"),
    ("lora", f"text_encoder.{TEXT}.self_attn.q_proj", 16, 16, 0, 2, 1.0, torch.float32, "te layers.3", "te q_proj"),
    ("lora", f"text_encoder.{TEXT}.mlp.fc1", 32, 16, 0, 2, 1.0, torch.float32, "te layers.3", "te fc1"),
]

# The other file: other kinds and ranks on some of the same layers, one that the first has not, as (target, kind, rank, alpha).
OTHERS = [
    (f"unet.{ATTENTION}.attn1.to_q", "lora", 2, 2.0),
    (f"unet.{ATTENTION}.attn2.to_k", "full", 0, None),
    ("unet.down_blocks.1.resnets.0.conv2", "lora", 3, 1.0),
    ("unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q", "lora", 4, 2.0),
    ("unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_k", "loha", 9, 9.0),
    (f"unet.{UP}.attn1.to_q", "lokr_half", 1, 1.0),
    (f"unet.{UP}.attn1.to_k", "lora", 3, 3.0),
    (f"text_encoder.{TEXT}.self_attn.v_proj", "lora", 2, 1.0),
]


def random(*shape, dtype=torch.float32):
    return torch.randn(*shape).to(dtype)


def plain(*tensors):
    return [t.double().numpy() for t in tensors]


def make(kind, out, inside, kernel, rank, dtype):
    """Tensors by kohya's and LyCORIS' names, ΔW of scale 1 as [out, in·area], and whether alpha/rank is a factor."""
    k = (kernel, kernel) if kernel else ()
    area = kernel * kernel if kernel else 1
    if kind == "lora":
        down, up = random(rank, inside, *k, dtype=dtype), random(out, rank, *((1, 1) if kernel else ()), dtype=dtype)
        d, u = plain(down, up)
        return {"lora_down.weight": down, "lora_up.weight": up}, u.reshape(out, rank) @ d.reshape(rank, -1), True
    if kind == "tucker":
        down, up, mid = random(rank, inside, 1, 1), random(out, rank, 1, 1), random(rank, rank, *k)
        d, u, m = plain(down, up, mid)
        delta = np.einsum("or,rshw,si->oihw", u[:, :, 0, 0], m, d[:, :, 0, 0])
        return {"lora_down.weight": down, "lora_up.weight": up, "lora_mid.weight": mid}, delta.reshape(out, -1), True
    if kind == "loha":
        a, b, c, e = random(out, rank), random(rank, inside * area), random(out, rank), random(rank, inside * area)
        p, q, r, s = plain(a, b, c, e)
        return {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": e}, (p @ q) * (r @ s), True
    if kind == "loha_tucker":
        a, b, c, e = random(rank, out), random(rank, inside), random(rank, out), random(rank, inside)
        t, u = random(rank, rank, *k), random(rank, rank, *k)
        p, q, r, s, v, w = plain(a, b, c, e, t, u)
        one, two = np.einsum("ijhw,jr,ip->prhw", v, q, p), np.einsum("ijhw,jr,ip->prhw", w, s, r)
        tensors = {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": e, "hada_t1": t, "hada_t2": u}
        return tensors, (one * two).reshape(out, -1), True
    if kind.startswith("lokr"):
        return make_lokr(kind, out, inside, k, area, rank)
    if kind == "full":
        diff, bias = random(out, inside, *k), random(out)
        return {"diff": diff, "diff_b": bias}, plain(diff)[0].reshape(out, -1), False
    weight, bias = random(out), random(out)
    return {"w_norm": weight, "b_norm": bias}, plain(weight)[0].reshape(out, 1), False


def make_lokr(kind, out, inside, k, area, rank):
    a, c = 3, 4
    b, d = out // a, inside // c
    if kind == "lokr_both":
        left, right = random(a, rank), random(rank, c)
        tensors, one = {"lokr_w1_a": left, "lokr_w1_b": right}, plain(left)[0] @ plain(right)[0]
    else:
        tensors = {"lokr_w1": random(a, c)}
        one = plain(tensors["lokr_w1"])[0]
    if kind == "lokr_full":
        tensors["lokr_w2"] = random(b, d, *k)
        two = plain(tensors["lokr_w2"])[0]
    elif kind == "lokr_tucker":
        t, left, right = random(rank, rank, *k), random(rank, b), random(rank, d)
        tensors |= {"lokr_t2": t, "lokr_w2_a": left, "lokr_w2_b": right}
        v, p, q = plain(t, left, right)
        two = np.einsum("ijhw,jr,ip->prhw", v, q, p)
    else:
        left, right = random(b, rank), random(rank, d * area)
        tensors |= {"lokr_w2_a": left, "lokr_w2_b": right}
        two = plain(left)[0] @ plain(right)[0]
    delta = np.kron(one.reshape(a, c, *([1] * len(k))), two.reshape(b, d, *k))
    return tensors, delta.reshape(out, -1), kind != "lokr_full"


def kohya(target):
    part, path = target.split(".", 1)
    return ("lora_unet_" if part == "unet" else "lora_te_") + path.replace(".", "_")


def measures(delta):
    s = np.linalg.svd(delta, compute_uv=False)
    p = s[s > s[0] * 1e-12] / s.sum()
    return {
        "norm": float(np.linalg.norm(delta)),
        "singularValues": [float(x) for x in s[:64]],
        "stableRank": float(np.sum(s**2) / s[0] ** 2),
        "effectiveRank": float(np.exp(-np.sum(p * np.log(p)))),
    }


def write_first():
    tensors, modules, blocks, targets, deltas = {}, [], {}, {}, {}
    for kind, target, out, inside, kernel, rank, alpha, dtype, block, layer in MODULES:
        parts, delta, has_scale = make(kind, out, inside, kernel, rank, dtype)
        name = kohya(target)
        tensors |= {f"{name}.{part}": tensor for part, tensor in parts.items()}
        if alpha is not None:
            tensors[f"{name}.alpha"] = torch.tensor(alpha, dtype=dtype)
        delta = delta * (alpha / rank if has_scale and alpha is not None else 1)
        deltas[target] = delta
        bias = next((plain(parts[b])[0] for b in ("diff_b", "b_norm") if b in parts), None)
        entry = {"target": target, "kind": kind, "rank": rank, "alpha": alpha, **measures(delta)}
        modules.append(entry | ({} if bias is None else {"biasNorm": float(np.linalg.norm(bias))}))
        blocks.setdefault(block, []).append(delta.ravel())
        targets[layer] = targets.get(layer, 0) + 1
    save_file(tensors, DATA / "inspect-lora.safetensors", metadata={"ss_network_dim": "4", "ss_output_name": "golden"})
    return {
        "modules": modules,
        "blocks": {b: {"modules": len(d), "norm": float(np.linalg.norm(np.concatenate(d)))} for b, d in blocks.items()},
        "targets": targets,
        "parameters": sum(t.numel() for t in tensors.values()),
    }, deltas


def write_other(first, biases):
    sizes = {target: (out, inside, kernel) for _, target, out, inside, kernel, *_ in MODULES}
    tensors, pairs, together = {}, [], {"inner": 0.0, "mine": 0.0, "theirs": 0.0}
    for target, kind, rank, alpha in OTHERS:
        out, inside, kernel = sizes.get(target, (16, 16, 0))
        parts, delta, has_scale = make(kind, out, inside, kernel, rank, torch.float32)
        tensors |= {f"{kohya(target)}.{part}": tensor for part, tensor in parts.items() if part != "diff_b"}
        if alpha is not None:
            tensors[f"{kohya(target)}.alpha"] = torch.tensor(alpha)
        delta = delta * (alpha / rank if has_scale and alpha is not None else 1)
        if target not in first:
            together["theirs"] += float(np.sum(delta**2))
            continue
        mine = first[target]
        norms = np.linalg.norm(mine), np.linalg.norm(delta)
        pairs.append({
            "target": target,
            "cosine": float(np.sum(mine * delta) / norms[0] / norms[1]),
            "distance": float(np.linalg.norm(mine - delta) / max(norms)),
        })
        together["inner"] += float(np.sum(mine * delta))
        together["theirs"] += float(norms[1] ** 2)
    together["mine"] = sum(float(np.sum(d**2)) for d in first.values()) + biases
    save_file(tensors, DATA / "inspect-other.safetensors", metadata={"ss_output_name": "other"})
    mine, theirs, inner = together["mine"], together["theirs"], together["inner"]
    return {
        "modules": pairs,
        "cosine": inner / np.sqrt(mine * theirs),
        "distance": float(np.sqrt(mine + theirs - 2 * inner) / np.sqrt(max(mine, theirs))),
    }


def main():
    torch.manual_seed(3)
    expected, deltas = write_first()
    # What is added to biases counts as well.
    biases = sum(module.get("biasNorm", 0) ** 2 for module in expected["modules"])
    expected["pair"] = write_other(deltas, biases)
    (DATA / "inspect-lora.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
    print(len(expected["modules"]), "modules,", len(expected["pair"]["modules"]), "in both")


main()
