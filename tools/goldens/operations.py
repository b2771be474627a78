"""Golden numbers of the engine's operations and usual compositions: torch in float64, forward and gradients.

Writes test/golden/data/operations.safetensors. A case `name` of a kind holds `name/input/<role>` (float32, so that
a float32 runtime is fed the same numbers), `name/output`, `name/cotangent` and `name/gradient/<role>` (float64) of
the scalar sum(output * cotangent). Kinds and attributes are in the metadata. Usage: python tools/goldens/operations.py
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

draw = torch.Generator().manual_seed(20)


def normals(*shape, mean=0.0, std=1.0):
    return mean + std * torch.randn(*shape, generator=draw, dtype=torch.float32)


def conv2d(a, x, weight, bias=None):
    top, left, bottom, right = a["pads"]
    return F.conv2d(F.pad(x, (left, right, top, bottom)), weight, bias, stride=a["stride"])


def heads_first(x, heads):
    n, tokens, width = x.shape
    return x.view(n, tokens, heads, width // heads).transpose(1, 2)


def attention(a, q, k, v, mask=None):
    parts = [heads_first(x, a["heads"]) for x in (q, k, v)]
    y = F.scaled_dot_product_attention(*parts, attn_mask=mask)
    return y.transpose(1, 2).reshape(*q.shape[:2], v.shape[2])


def geglu(_, x, weight, bias):
    hidden, gate = F.linear(x, weight, bias).chunk(2, dim=-1)
    return hidden * F.gelu(gate)


kinds = {
    "conv2d": conv2d,
    "groupNorm": lambda a, x, gain, bias: F.group_norm(x, a["groups"], gain, bias, a["epsilon"]),
    "layerNorm": lambda a, x, gain, bias: F.layer_norm(x, x.shape[-1:], gain, bias, a["epsilon"]),
    "attention": attention,
    "fusedAttention": attention,
    "silu": lambda _, x: F.silu(x),
    "gelu": lambda _, x: F.gelu(x),
    "quickGelu": lambda _, x: x * torch.sigmoid(1.702 * x),
    "erf": lambda _, x: torch.erf(x),
    "softmax": lambda _, x: F.softmax(x, dim=-1),
    "linear": lambda _, x, weight, bias: F.linear(x, weight, bias),
    "upsample": lambda _, x: F.interpolate(x, scale_factor=2, mode="nearest"),
    "gather": lambda _, table, ids: F.embedding(ids, table),
    "geglu": geglu,
}


def conv(image, out, kernel, stride, pads, bias=True):
    inputs = {"x": normals(*image), "weight": normals(out, image[1], kernel, kernel, std=0.3)}
    if bias:
        inputs["bias"] = normals(out)
    return "conv2d", {"stride": stride, "pads": pads}, inputs


def norm(kind, shape, width, **attributes):
    inputs = {"x": normals(*shape, mean=0.5, std=2), "gain": normals(width, mean=1, std=0.2), "bias": normals(width)}
    return kind, attributes, inputs


def attend(kind, n, t, s, width, heads, mask=None):
    inputs = {"q": normals(n, t, width), "k": normals(n, s, width), "v": normals(n, s, width)}
    return kind, {"heads": heads}, {**inputs, **({} if mask is None else {"mask": mask})}


# CLIP's causal mask: the most negative float32, not infinity.
causal = torch.full((6, 6), torch.finfo(torch.float32).min).triu(1)
# From deep in the tails to zero; values where float32 differs by its exponent.
wide = torch.tensor([-30.0, -8.5, -6.0, -3.0, -1.0, -0.5, -1e-3, -1e-20, 0.0, 1e-20, 1e-3, 0.5, 1, 3, 6, 8.5, 30])
matrix = {"x": normals(2, 5, 6), "weight": normals(8, 6, std=0.4), "bias": normals(8)}

cases = {
    "conv 3x3": conv((2, 4, 6, 5), 3, 3, 1, [1, 1, 1, 1]),
    "conv 3x3 without bias": conv((1, 3, 4, 4), 5, 3, 1, [1, 1, 1, 1], bias=False),
    "conv 1x1": conv((2, 5, 4, 3), 4, 1, 1, [0, 0, 0, 0]),
    "conv stride 2": conv((2, 3, 8, 6), 4, 3, 2, [1, 1, 1, 1]),
    "conv stride 2, odd": conv((1, 3, 7, 9), 2, 3, 2, [1, 1, 1, 1]),
    "conv stride 2, padded below and right": conv((1, 4, 8, 8), 4, 3, 2, [0, 0, 1, 1]),
    "groupNorm": norm("groupNorm", (2, 8, 3, 4), 8, groups=4, epsilon=1e-5),
    "groupNorm, one group": norm("groupNorm", (1, 6, 2, 5), 6, groups=1, epsilon=1e-6),
    "layerNorm": norm("layerNorm", (2, 5, 12), 12, epsilon=1e-5),
    "layerNorm, two axes": norm("layerNorm", (7, 9), 9, epsilon=1e-5),
    "self-attention": attend("attention", 2, 6, 6, 8, 2),
    "attention to text": attend("attention", 1, 9, 5, 12, 3),
    "causal attention": attend("attention", 2, 6, 6, 8, 4, mask=causal),
    "fused attention": attend("fusedAttention", 2, 8, 7, 12, 3),
    "silu": ("silu", {}, {"x": wide}),
    "gelu": ("gelu", {}, {"x": wide}),
    "quickGelu": ("quickGelu", {}, {"x": wide}),
    "erf": ("erf", {}, {"x": wide}),
    "softmax": ("softmax", {}, {"x": normals(3, 4, 7, std=4)}),
    "softmax, large scores": ("softmax", {}, {"x": normals(4, 6, mean=200, std=2)}),
    "linear": ("linear", {}, matrix),
    "upsample": ("upsample", {}, {"x": normals(2, 3, 3, 4)}),
    "gather": ("gather", {}, {"table": normals(9, 4), "ids": torch.tensor([[0, 8, 3, 3], [8, 1, 8, 0]])}),
    "geglu": ("geglu", {}, matrix),
}


def main():
    tensors = {}
    for name, (kind, attributes, inputs) in cases.items():
        leaves = {
            role: x if x.dtype == torch.int64 else x.double().requires_grad_(role != "mask") for role, x in inputs.items()
        }
        output = kinds[kind](attributes, *leaves.values())
        cotangent = normals(*output.shape)
        (output * cotangent.double()).sum().backward()
        tensors |= {f"{name}/input/{role}": x.clone() for role, x in inputs.items()}
        tensors |= {f"{name}/output": output.detach().contiguous(), f"{name}/cotangent": cotangent}
        tensors |= {f"{name}/gradient/{role}": x.grad.contiguous() for role, x in leaves.items() if x.requires_grad}
    described = [
        {"name": name, "kind": kind, "attributes": attributes, "roles": list(inputs)}
        for name, (kind, attributes, inputs) in cases.items()
    ]
    path = Path(__file__).parents[2] / "test/golden/data/operations.safetensors"
    save_file(tensors, path, {"cases": json.dumps(described), "torch": torch.__version__})
    print(path, path.stat().st_size, "bytes,", len(cases), "cases")


main()
