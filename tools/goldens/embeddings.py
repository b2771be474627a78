"""Textual inversions in the layouts that trainers write, saved by torch and safetensors, and what they hold:
test/golden/data/embeddings.json. Their sha256 is what A1111 states in `TI hashes` (first 12 digits).

    python tools/goldens/embeddings.py"""
import base64
import hashlib
import json
import tempfile
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file

DATA = Path(__file__).resolve().parents[2] / "test" / "golden" / "data"


def vectors(seed, rows, width):
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def a1111(vec, **more):
    """modules/textual_inversion: Embedding.save."""
    return {
        "string_to_token": {"*": 265}, "string_to_param": {"*": vec}, "name": "easynegative", "step": 1499,
        "sd_checkpoint": "6ce0161689", "sd_checkpoint_name": None, **more,
    }


def diffusers_token(path, vec):
    """examples/textual_inversion: save_progress, with the table of words of a text encoder."""
    table = torch.nn.Embedding(40, 8)
    with torch.no_grad():
        table.weight[39] = vec
    learned = table.weight[39:40]
    if path.suffix == ".bin":
        torch.save({"<cat-toy>": learned.detach().cpu()}, path)
    else:
        save_file({"<cat-toy>": learned.detach().cpu().contiguous()}, path, metadata={"format": "pt"})


def main():
    one = vectors(1, 3, 8)
    wide = vectors(2, 6, 16)
    small, large = vectors(3, 2, 8), vectors(4, 2, 12)
    cases = {}

    def case(name, write, token=None, **tensors):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            write(path)
            data = path.read_bytes()
        cases[name] = {
            "base64": base64.b64encode(data).decode(), "sha256": hashlib.sha256(data).hexdigest(), "token": token,
            "tensors": {part: {"shape": list(t.shape), "data": t.float().flatten().tolist()} for part, t in tensors.items()},
        }

    def torched(value, **options):
        return lambda path: torch.save(value, path, **options)

    case("a1111.pt", torched(a1111(one)), one=one)
    case("a1111-half.pt", torched(a1111(one.half())), one=one.half())
    case("a1111-bfloat16.pt", torched(a1111(one.bfloat16())), one=one.bfloat16())
    case("a1111-double.pt", torched(a1111(one.double())), one=one)
    # A row range, every other column, transposed: views of a larger storage.
    case("a1111-view.pt", torched(a1111(wide[2:5, ::2])), one=wide[2:5, ::2])
    case("a1111-transposed.pt", torched(a1111(wide.t()[3:6, 1:])), one=wide.t()[3:6, 1:])
    case("a1111-parameter.pt", torched(a1111(torch.nn.Parameter(one))), one=one)
    # rinongal/textual_inversion: EmbeddingManager.save.
    first = {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": torch.nn.ParameterDict({"*": torch.nn.Parameter(one)})}
    case("rinongal.pt", torched(first), one=one)
    case("protocol-4.pt", torched(a1111(one), pickle_protocol=4), one=one)
    case("ordered.pt", torched(OrderedDict({"<tok>": one})), token="<tok>", one=one)
    case("one-vector.bin", torched({"<dot>": one[0]}), token="<dot>", one=one[:1])
    case("learned_embeds.bin", lambda path: diffusers_token(path, one[0]), token="<cat-toy>", one=one[:1])
    case("learned_embeds.safetensors", lambda path: diffusers_token(path, one[1]), token="<cat-toy>", one=one[1:2])
    # sd-scripts, train_textual_inversion.py and its SDXL twin.
    case("kohya.safetensors", lambda path: save_file({"emb_params": one}, path), one=one)
    case("kohya-sdxl.safetensors", lambda path: save_file({"clip_g": large, "clip_l": small}, path), text_encoder=small, text_encoder_2=large)
    case("sdxl.pt", torched({"clip_g": large, "clip_l": small}), text_encoder=small, text_encoder_2=large)
    # diffusers, train_dreambooth_lora_sdxl_advanced.py at first.
    both = {"text_encoders_0": small, "text_encoders_1": large}
    case("advanced.safetensors", lambda path: save_file(both, path), text_encoder=small, text_encoder_2=large)

    refused = {}
    for name, value, options in [
        ("legacy.pt", a1111(one), {"_use_new_zipfile_serialization": False}),
        ("module.pt", torch.nn.Linear(2, 2), {}),
        ("dtype.pt", {"x": torch.float16}, {}),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            torch.save(value, path, **options)
            refused[name] = base64.b64encode(path.read_bytes()).decode()
    (DATA / "embeddings.json").write_text(json.dumps({"cases": cases, "refused": refused}) + "\n")


if __name__ == "__main__":
    main()
