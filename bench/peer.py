"""The same work in PyTorch, diffusers, PEFT and sd-scripts, for `lora bench --peer`. Prints one JSON line.

    python bench/peer.py '{"work": "train", "model": "sd15", "side": 64, "batch": 1, "repeats": 3, "precision": "float32"}'

`work` names a module of bench/peers; the other fields are read there.
"""
import importlib
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

MODULES = {
    "train": "unet",
    "forward": "unet",
    "decode": "vae",
    "encode": "vae",
    "open": "opening",
    "first step": "first_step",
    "first step of sd-scripts": "sd_scripts",
    "generate": "generation",
    "lora tool": "lora_tools",
    "lora step": "lora_generation",
    "lora switch": "lora_generation",
}

if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    module = importlib.import_module("peers." + MODULES[request["work"]])
    print("\n" + json.dumps(module.run(**request)))
