"""Hashes of model files as sd-scripts' own functions compute them, for files that both sides make from a formula.

    PYTHONPATH=$LORA_SD_SCRIPTS $LORA_SD_SCRIPTS_PYTHON tools/goldens/model_hashes.py

needs sd-scripts and a Python with what it requires. Writes test/golden/data/model-hashes.json: for every case the metadata
that go in, `sshs_model_hash` and `sshs_legacy_hash` of library/train_util.py, `modelspec.hash_sha256` of
library/sai_model_spec.py, and OneTrainer's rule for the last one (raw tensors in the order of their names).
"""
import hashlib
import json
import os

import numpy as np
import safetensors.torch
import torch
from library import sai_model_spec, train_util

TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}
WIDTHS = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8}

#: name → type and shape; `large` puts files beyond the window of the legacy hash, at 1 MiB
SMALL = {"lora_unet_a.alpha": ("F32", []), "lora_unet_a.lora_up.weight": ("F16", [8, 4])}
LARGE = {
    "lora_unet_mid.lora_down.weight": ("F16", [16, 20000]),
    "lora_unet_mid.lora_up.weight": ("F16", [20000, 16]),
    "lora_unet_mid.alpha": ("F32", []),
    "lora_te_b.alpha": ("I64", []),
    "lora_te_b.lora_down.weight": ("BF16", [4, 1000]),
    "lora_te_b.lora_up.weight": ("F32", [1000, 4]),
}
TRAINING = {"ss_network_dim": "16", "ss_output_name": "größer 名前", "ss_tag_frequency": '{"1_a": {"b": 3}}'}
MODELSPEC = {"modelspec.title": "x", "modelspec.sai_model_spec": "1.0.1", "format": "pt"}

CASES = {
    "small, no metadata": (SMALL, {}),
    "small": (SMALL, {**TRAINING, **MODELSPEC}),
    "large, no metadata": (LARGE, {}),
    "large": (LARGE, {**TRAINING, **MODELSPEC}),
    "large, much training metadata": (LARGE, {**TRAINING, "ss_datasets": "x" * 5000}),
    "large, no training metadata": (LARGE, MODELSPEC),
}


def raw(name, dtype, shape):
    """Bytes of a tensor: of its position and the length of its name, nowhere periodic."""
    at = np.arange(int(np.prod(shape, dtype=np.int64)) * WIDTHS[dtype], dtype=np.int64)
    return ((at * 31 + (at >> 8) * 17 + len(name)) & 255).astype(np.uint8)


def tensor(name, dtype, shape):
    return torch.from_numpy(raw(name, dtype, shape).copy()).view(TYPES[dtype]).reshape(shape)


def file_order(file):
    """Names in the order of their data."""
    length = int.from_bytes(file[:8], "little")
    header = json.loads(file[8 : 8 + length])
    return sorted((name for name in header if name != "__metadata__"), key=lambda name: header[name]["data_offsets"])


def main():
    golden = []
    for case, (tensors, metadata) in CASES.items():
        state = {name: tensor(name, *kind) for name, kind in tensors.items()}
        model, legacy = train_util.precalculate_safetensors_hashes(state, metadata)
        in_file = {name: state[name] for name in file_order(safetensors.torch.save(state))}
        by_name = hashlib.sha256(b"".join(raw(name, *tensors[name]).tobytes() for name in sorted(tensors))).hexdigest()
        golden.append(
            {
                "case": case,
                "tensors": [[name, *kind] for name, kind in tensors.items()],
                "metadata": metadata,
                "sshs_model_hash": model,
                "sshs_legacy_hash": legacy,
                "modelspec.hash_sha256": sai_model_spec.precalculate_safetensors_hashes(in_file),
                "byName": f"0x{by_name}",
            }
        )
    folder = os.path.join(os.path.dirname(__file__), "..", "..", "test", "golden", "data")
    with open(os.path.join(folder, "model-hashes.json"), "w") as out:
        json.dump(golden, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
