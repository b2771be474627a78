"""ΔW of every kind of LoRA as LyCORIS and PEFT compute it: test/golden/data/lora-kinds.json; and two LoRAs merged into
the embedded model: lora-kinds-merged.json.

Tensors are hashed (hashed_weights.py), so only their shapes and samples of the results are kept.

    pip install lycoris_lora peft && python tools/goldens/lora_kinds.py

LyCORIS 4.1: what its modules add in `forward` is taken. Its `get_merged_weight` multiplies LoHa and LoKr by alpha/rank a
second time, and reads the rank of a LoKr with Tucker's core off the wrong axis; training does neither."""
import json
import math
from pathlib import Path

import torch
from torch import nn
from hashed_weights import hashed
from lycoris.functional.general import weight_decompose
from lycoris.functional.lokr import diff_weight as lokr_diff
from lycoris.modules.diag_oft import DiagOFTModule
from lycoris.modules.boft import ButterflyOFTModule
from lycoris.modules.full import FullModule
from lycoris.modules.glora import GLoRAModule, _glora_weight
from lycoris.modules.ia3 import IA3Module
from lycoris.modules.locon import LoConModule
from lycoris.modules.loha import LohaModule
from lycoris.modules.lokr import LokrModule
from lycoris.modules.norms import NormModule
from models import digest

DATA = Path(__file__).parents[2] / "test/golden/data"
STRENGTHS = (1, 0.6, -0.5)
# Hashed as vectors; those of the first line lie near 1.
NEAR_ONE = ("magnitude", "rescale")
VECTORS = (*NEAR_ONE, "ia3", "w_norm", "b_norm", "diff_b", "up_bias")


def tensors_of(case, shapes):
    out = {}
    for role, shape in shapes.items():
        if role == "on_input":
            out[role] = torch.tensor(1.0)
        elif role in VECTORS:
            name = f"{case}.{role}" + (".weight" if role in NEAR_ONE else "")
            out[role] = torch.from_numpy(hashed(name, (math.prod(shape),))).reshape(shape)
        else:
            out[role] = torch.from_numpy(hashed(f"{case}.{role}", shape))
    return out


def layer_of(case, shape):
    if len(shape) == 1:
        layer = nn.GroupNorm(4, shape[0])
    elif len(shape) == 2:
        layer = nn.Linear(shape[1], shape[0])
    else:
        layer = nn.Conv2d(shape[1], shape[0], shape[2:], padding=shape[2] // 2)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(hashed(f"{case}.base.weight", shape)))
        layer.bias.copy_(torch.from_numpy(hashed(f"{case}.base.bias", (shape[0],))))
    return layer


def trained_change(module, layer, strength):
    """What LyCORIS' forward adds to the weight: its op is asked for the weight that it is given. It is a difference, so
    in float64 (but for rotations, which LyCORIS inverts in float32)."""
    seen = {}
    if not isinstance(module, (DiagOFTModule, ButterflyOFTModule)):
        module.double(), layer.double()

    def op(x, *args, weight=None, **kwargs):
        seen["delta"] = args[0] if weight is None else weight
        return torch.zeros(())

    module.op, module.multiplier = op, strength
    module.org_forward = lambda x, *a, **k: torch.zeros(())
    module.eval()
    with torch.no_grad():
        module(torch.zeros(1, dtype=layer.weight.dtype))
    return seen["delta"]


def lycoris(kind, t, layer, alpha, rank, strength):
    alpha = torch.tensor(float(alpha))
    make = lambda cls, *parts: cls.make_module_from_state_dict("m", layer, *parts)
    get = t.get
    with torch.no_grad():
        if kind == "lora":
            module = make(LoConModule, t["up"], t["down"], get("mid"), alpha, None)
        elif kind == "loha":
            module = make(LohaModule, t["hada_w1_a"], t["hada_w1_b"], t["hada_w2_a"], t["hada_w2_b"], get("hada_t1"), get("hada_t2"), alpha, None)
        elif kind == "lokr":
            # Its own reader guesses the factor; the numbers are the same, so it is told.
            return lokr_change(t, layer, alpha, rank, strength), None
        elif kind == "full":
            module = make(FullModule, t["diff"], get("diff_b"))
            weight, bias = module.get_diff_weight(strength)
            return weight, bias if "diff_b" in t else None
        elif kind == "norm":
            module = make(NormModule, t["w_norm"], get("b_norm"))
            return module.get_diff_weight(strength)
        elif kind == "ia3":
            module = IA3Module("m", layer, train_on_input="on_input" in t)
            module.weight.data.copy_(t["ia3"])
        elif kind == "glora":
            if "bm" in t:
                return _glora_weight(layer.weight, t["a1"], t["a2"], t["b1"], t["b2"], t["bm"], float(alpha) / rank) * strength, None
            module = make(GLoRAModule, t["a1"], t["a2"], t["b1"], t["b2"], None, alpha)
        elif kind == "oft":
            module = make(DiagOFTModule, t["oft_blocks"], get("rescale"), alpha)
        elif kind == "boft":
            module = make(ButterflyOFTModule, t["oft_blocks"], get("rescale"), alpha)
        if "magnitude" in t:
            return with_magnitude(module, t["magnitude"], layer) * strength, None
        return trained_change(module, layer, strength), None


def with_magnitude(module, magnitude, layer):
    """The whole change; tools that draw (A1111, ComfyUI) multiply it by the strength, which LyCORIS does with the norm only."""
    out = layer.weight.shape[0]
    module.wd, module.wd_on_out = True, magnitude.shape[0] == out
    module.dora_scale = nn.Parameter(magnitude)
    return trained_change(module, layer, 1)


def lokr_change(t, layer, alpha, rank, strength):
    factors = [t.get(f"lokr_{n}") for n in ("w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t2")]
    whole = "lokr_w1" in t and "lokr_w2" in t
    delta = lokr_diff(*factors, gamma=1.0)
    # `diff_weight` divides by the rank it finds on w2_a, which is not one for Tucker's; here gamma is put in after it.
    unit = delta / rank_scale_of(t)
    delta = (unit * (1 if whole else float(alpha) / rank)).reshape(layer.weight.shape)
    if "magnitude" in t:
        on_out = t["magnitude"].shape[0] == layer.weight.shape[0]
        return (weight_decompose(layer.weight.data + delta, t["magnitude"], 1, on_out) - layer.weight.data) * strength
    return delta * strength


def rank_scale_of(t):
    from lycoris.kernels.autograd.lokr import rank_scale

    return rank_scale(t.get("lokr_w1_a"), t.get("lokr_w2_a"), 1.0)


def peft_oft(t, layer, terms, strength):
    """PEFT knows no strength of OFT; here R − I is multiplied, as LyCORIS and kohya do."""
    from peft import OFTConfig, inject_adapter_in_model

    blocks = t["oft_blocks"]
    side = int((1 + math.sqrt(1 + 8 * blocks.shape[1])) / 2)
    model = nn.Sequential(layer)
    base = layer.weight.detach().clone()
    # `use_cayley_neumann=False` is the exact transform.
    config = OFTConfig(target_modules=["0"], r=0, oft_block_size=side, use_cayley_neumann=terms > 0,
                       num_cayley_neumann_terms=int(terms) or 5, block_share=blocks.shape[0] == 1)
    inject_adapter_in_model(config, model)
    with torch.no_grad():
        model[0].oft_R["default"].weight.copy_(blocks)
        model[0].merge()
    return (model[0].get_base_layer().weight.detach() - base) * strength, None


def peft_lora(t, layer, alpha, rank, strength):
    """PEFT's LoRA merged, in float64: with a bias of its own (`lora_bias`), or DoRA. Strength is only that of the difference."""
    from peft import LoraConfig, inject_adapter_in_model

    model = nn.Sequential(layer)
    weight, bias = layer.weight.detach().double(), layer.bias.detach().double()
    config = LoraConfig(target_modules=["0"], r=rank, lora_alpha=alpha, lora_bias="up_bias" in t, use_dora="magnitude" in t)
    inject_adapter_in_model(config, model)
    model.double()
    with torch.no_grad():
        model[0].lora_A["default"].weight.copy_(t["down"])
        model[0].lora_B["default"].weight.copy_(t["up"])
        if "up_bias" in t:
            model[0].lora_B["default"].bias.copy_(t["up_bias"])
        if "magnitude" in t:
            model[0].lora_magnitude_vector["default"].weight.copy_(t["magnitude"])
        model[0].merge()
    base = model[0].get_base_layer()
    return (base.weight.detach() - weight) * strength, (base.bias.detach() - bias) * strength if "up_bias" in t else None


def kohya_oft(t, layer, alpha, strength):
    """The rule of sd-scripts' networks/oft.py, written out: blocks of outputs, Q as long as alpha·out at most."""
    blocks = t["oft_blocks"].double()
    n, s, _ = blocks.shape
    q = blocks - blocks.transpose(1, 2)
    norm = q.flatten().norm()
    q = q * ((norm.clamp(max=float(alpha) * layer.weight.shape[0]) + 1e-8) / (norm + 1e-8))
    eye = torch.eye(s, dtype=torch.float64)
    r = strength * ((eye + q) @ (eye - q).inverse() - eye) + eye
    w = layer.weight.detach().double()
    return torch.einsum("knm,kn...->km...", r, w.reshape(n, s, *w.shape[1:])).reshape(w.shape) - w, None


L, P, C = (24, 16), (24, 16, 1, 1), (24, 16, 3, 3)


def lora(r, shape, mid=False):
    out, inside, *k = shape
    ones = [1] * len(k)
    return {"down": [r, inside, *(ones if mid else k)], "up": [out, r, *ones], **({"mid": [r, r, *k]} if mid else {})}


def loha(r, shape, tucker=False):
    out, inside, *k = shape
    if tucker:
        return {**{f"hada_w{i}_a": [r, out] for i in (1, 2)}, **{f"hada_w{i}_b": [r, inside] for i in (1, 2)}, **{f"hada_t{i}": [r, r, *k] for i in (1, 2)}}
    return {**{f"hada_w{i}_a": [out, r] for i in (1, 2)}, **{f"hada_w{i}_b": [r, inside * math.prod(k)] for i in (1, 2)}}


def lokr(r, shape, factor, w1="full", w2="full"):
    """`factor`: rows and columns of w1."""
    out, inside, *k = shape
    (a, c), (b, d) = factor, (out // factor[0], inside // factor[1])
    one = {"lokr_w1": [a, c]} if w1 == "full" else {"lokr_w1_a": [a, r], "lokr_w1_b": [r, c]}
    two = {"full": {"lokr_w2": [b, d, *k]}, "pair": {"lokr_w2_a": [b, r], "lokr_w2_b": [r, d * math.prod(k)]},
           "tucker": {"lokr_t2": [r, r, *k], "lokr_w2_a": [r, b], "lokr_w2_b": [r, d]}}[w2]
    return {**one, **two}


def columns(shape):
    return {"magnitude": [shape[0], *[1] * (len(shape) - 1)]}


def row(shape):
    return {"magnitude": [1, shape[1], *[1] * (len(shape) - 2)]}


def glora(r, shape, core=False):
    out, inside, *k = shape
    ones = [1] * len(k)
    return {"a1": [inside, r, *ones], "a2": [r, inside, *ones], "b1": [out, r, *ones], "b2": [r, inside, *(ones if core else k)], **({"bm": [r, r, *k]} if core else {})}


# name, kind, layer, shapes, alpha, rank; more columns: how it is computed
CASES = [
    ("lora linear", "lora", L, lora(4, L), 4, 4),
    ("lora linear, alpha half", "lora", L, lora(4, L), 2, 4),
    ("lora linear, alpha above the rank", "lora", L, lora(3, L), 7.5, 3),
    ("lora rank 1", "lora", L, lora(1, L), 1, 1),
    ("lora 1x1", "lora", P, lora(4, P), 4, 4),
    ("lora 3x3", "lora", C, lora(4, C), 2, 4),
    ("lora tucker", "lora", C, lora(4, C, mid=True), 3, 4),
    ("dora outputs linear", "lora", L, {**lora(4, L), **columns(L)}, 2, 4),
    ("dora inputs linear", "lora", L, {**lora(4, L), **row(L)}, 4, 4),
    ("dora outputs 3x3", "lora", C, {**lora(4, C), **columns(C)}, 4, 4),
    ("dora inputs 3x3", "lora", C, {**lora(4, C), **row(C)}, 4, 4),
    ("dora tucker", "lora", C, {**lora(4, C, mid=True), **columns(C)}, 4, 4),
    ("dora inputs of a square layer", "lora", (16, 16), {**lora(4, (16, 16)), **row((16, 16))}, 4, 4),
    ("lora_bias linear", "lora", L, {**lora(4, L), "up_bias": [24]}, 8, 4, "peft"),
    ("dora of PEFT linear", "lora", L, {**lora(4, L), "magnitude": [24]}, 2, 4, "peft"),
    ("dora of PEFT 3x3", "lora", C, {**lora(4, C), "magnitude": [1, 24, 1, 1]}, 2, 4, "peft"),
    ("loha linear", "loha", L, loha(3, L), 3, 3),
    ("loha linear, alpha 1", "loha", L, loha(4, L), 1, 4),
    ("loha 1x1", "loha", P, loha(4, P), 2, 4),
    ("loha 3x3", "loha", C, loha(4, C), 2, 4),
    ("loha tucker", "loha", C, loha(4, C, tucker=True), 2, 4),
    ("loha magnitudes", "loha", L, {**loha(4, L), **columns(L)}, 2, 4),
    ("loha magnitudes of inputs 3x3", "loha", C, {**loha(4, C), **row(C)}, 2, 4),
    ("lokr both whole, alpha ignored", "lokr", L, lokr(4, L, (4, 4)), 2, 0),
    ("lokr both whole 3x3", "lokr", C, lokr(4, C, (2, 4)), 9, 0),
    ("lokr w2 a product", "lokr", L, lokr(2, L, (4, 2), w2="pair"), 1, 2),
    ("lokr both products", "lokr", L, lokr(2, L, (6, 4), w1="pair", w2="pair"), 1, 2),
    ("lokr w1 a product", "lokr", L, lokr(2, L, (6, 4), w1="pair"), 3, 2),
    ("lokr odd factors", "lokr", (30, 21), lokr(2, (30, 21), (5, 3), w2="pair"), 2, 2),
    ("lokr w1 larger than w2", "lokr", L, lokr(2, L, (12, 2), w2="pair"), 2, 2),
    ("lokr 1x1", "lokr", P, lokr(2, P, (4, 4), w2="pair"), 1, 2),
    ("lokr 3x3", "lokr", C, lokr(3, C, (4, 4), w2="pair"), 1, 3),
    ("lokr tucker", "lokr", C, lokr(3, C, (4, 4), w2="tucker"), 2, 3),
    ("lokr tucker, w1 a product", "lokr", C, lokr(3, C, (4, 4), w1="pair", w2="tucker"), 2, 3),
    ("lokr magnitudes", "lokr", L, {**lokr(2, L, (4, 2), w2="pair"), **columns(L)}, 1, 2),
    ("lokr magnitudes of inputs 3x3", "lokr", C, {**lokr(3, C, (4, 4), w2="pair"), **row(C)}, 1, 3),
    ("full linear", "full", L, {"diff": list(L), "diff_b": [24]}, 1, 0),
    ("full 3x3", "full", C, {"diff": list(C)}, 1, 0),
    ("norm", "norm", (32,), {"w_norm": [32], "b_norm": [32]}, 1, 0),
    ("ia3 outputs", "ia3", L, {"ia3": [24]}, 1, 0),
    ("ia3 inputs", "ia3", L, {"ia3": [16], "on_input": []}, 1, 0),
    ("ia3 outputs 3x3", "ia3", C, {"ia3": [1, 24, 1, 1]}, 1, 0),
    ("ia3 inputs 3x3", "ia3", C, {"ia3": [1, 16, 1, 1], "on_input": []}, 1, 0),
    ("glora linear", "glora", L, glora(4, L), 4, 4),
    ("glora linear, alpha half", "glora", L, glora(4, L), 2, 4),
    ("glora 1x1", "glora", P, glora(4, P), 4, 4),
    ("glora 3x3", "glora", C, glora(4, C), 2, 4),
    ("glora 3x3 with a core", "glora", C, glora(4, C, core=True), 4, 4),
    ("oft linear", "oft", L, {"oft_blocks": [6, 4, 4]}, 0, 0),
    ("oft limited", "oft", L, {"oft_blocks": [6, 4, 4]}, 0.01, 0),
    ("oft rescaled", "oft", L, {"oft_blocks": [6, 4, 4], "rescale": [24, 1]}, 0, 0),
    ("oft 3x3", "oft", C, {"oft_blocks": [6, 4, 4]}, 0.02, 0),
    ("oft 3x3 rescaled", "oft", C, {"oft_blocks": [6, 4, 4], "rescale": [24, 1, 1, 1]}, 0, 0),
    ("oft of kohya", "oft", L, {"oft_blocks": [4, 6, 6]}, 0.001, 0, "kohya"),
    ("oft of kohya 3x3", "oft", C, {"oft_blocks": [2, 12, 12]}, 0.01, 0, "kohya"),
    ("oft of PEFT, series", "oft", L, {"oft_blocks": [4, 6]}, 5, 0, "peft"),
    ("oft of PEFT, exact", "oft", L, {"oft_blocks": [4, 6]}, 0, 0, "peft"),
    ("oft of PEFT, one block for all", "oft", L, {"oft_blocks": [1, 28]}, 5, 0, "peft"),
    ("oft of PEFT 3x3", "oft", C, {"oft_blocks": [36, 6]}, 5, 0, "peft"),
    ("boft linear", "boft", (32, 16), {"oft_blocks": [4, 8, 4, 4]}, 0, 0),
    ("boft limited", "boft", (32, 16), {"oft_blocks": [4, 8, 4, 4]}, 0.02, 0),
    ("boft 3x3 rescaled", "boft", (24, 16, 3, 3), {"oft_blocks": [3, 4, 6, 6], "rescale": [24, 1, 1, 1]}, 0, 0),
]


def compute(name, kind, shape, shapes, alpha, rank, how, strength):
    t, layer = tensors_of(name, shapes), layer_of(name, shape)
    if how == "peft":
        return peft_lora(t, layer, alpha, rank, strength) if kind == "lora" else peft_oft(t, layer, alpha, strength)
    return kohya_oft(t, layer, alpha, strength) if how == "kohya" else lycoris(kind, t, layer, alpha, rank, strength)


# Two LoRAs for the embedded model: target, shapes (of `lora`, or of norms), alpha.
MERGED = {
    "one": [("unet.mid_block.attentions.0.proj_in", {"down": [4, 160, 1, 1], "up": [160, 4, 1, 1]}, 2),
            ("unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q", {"down": [4, 160], "up": [160, 4]}, 2),
            ("unet.down_blocks.0.resnets.0.conv1", {"down": [4, 128, 3, 3], "up": [128, 4, 1, 1]}, 4),
            ("text_encoder.text_model.encoder.layers.0.self_attn.q_proj", {"down": [4, 128], "up": [128, 4]}, 4)],
    "two": [("unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q", {"down": [2, 160], "up": [160, 2]}, 3),
            ("unet.mid_block.attentions.0.transformer_blocks.0.norm1", {"w_norm": [160], "b_norm": [160]}, 1),
            ("unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k", {"down": [4, 128], "up": [160, 4], "magnitude": [160, 1]}, 4)],
}
# On the UNet and on the text encoder.
MERGED_AT = {"one": (0.8, 0.5), "two": (-0.5, -0.5)}
FILES = {"unet": "unet/diffusion_pytorch_model.safetensors", "text_encoder": "text_encoder/model.safetensors"}


def merged():
    """The embedded model with both merged in: W + Σ ΔW in float32, and rounded once to the float16 that it is stored in."""
    from safetensors.torch import load_file

    pocket = Path(__file__).parents[2] / "pretrained/pocket"
    base = {f"{part}.{name}": w.float() for part, file in FILES.items() for name, w in load_file(pocket / file).items()}
    added = {}
    for lora, modules in MERGED.items():
        for target, shapes, alpha in modules:
            strength = MERGED_AT[lora][target.startswith("text_encoder")]
            t = tensors_of(f"{lora} {target}", shapes)
            add = lambda leaf, delta: added.update({f"{target}.{leaf}": added.get(f"{target}.{leaf}", 0) + delta})
            if "w_norm" in t:
                add("weight", strength * t["w_norm"])
                add("bias", strength * t["b_norm"])
                continue
            w = base[f"{target}.weight"]
            rank = t["down"].shape[0]
            delta = (t["up"].reshape(-1, rank) @ t["down"].reshape(rank, -1)).reshape(w.shape) * (alpha / rank)
            if "magnitude" in t:
                add("weight", strength * (weight_decompose(w + delta, t["magnitude"], 1) - w))
            else:
                add("weight", strength * delta)
    sums = {name: base[name] + delta for name, delta in added.items()}
    return {"loras": MERGED, "strengths": MERGED_AT,
            "weights": {n: {"float32": digest(w), "float16": digest(w.half().float())} for n, w in sums.items()}}


def main():
    out = []
    for name, kind, shape, shapes, alpha, rank, *how in CASES:
        results = []
        for strength in STRENGTHS:
            weight, bias = compute(name, kind, shape, shapes, alpha, rank, how[0] if how else "lycoris", strength)
            results.append({"strength": strength, "weight": digest(weight, 32), **({"bias": digest(bias, 16)} if bias is not None else {})})
        out.append({"name": name, "kind": kind, "shape": list(shape), "tensors": shapes, "alpha": alpha, "rank": rank, "by": how[0] if how else "lycoris", "results": results})
    (DATA / "lora-kinds.json").write_text(json.dumps(out) + "\n")
    (DATA / "lora-kinds-merged.json").write_text(json.dumps(merged()) + "\n")
    print(len(out), "cases")


if __name__ == "__main__":
    main()
