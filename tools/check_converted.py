"""Whether Diffusers reads what `lora checkpoint convert` writes: a folder and a single file of one model, tensor by tensor.

    python tools/check_converted.py <folder> <single file.safetensors>

Prints one line a part; ends with an error when a tensor differs or is missing in either.
"""
import sys

import torch
from diffusers import DiffusionPipeline, StableDiffusionPipeline, StableDiffusionXLPipeline

folder, single = sys.argv[1:]
own = DiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float16, local_files_only=True)
kind = StableDiffusionXLPipeline if hasattr(own, "text_encoder_2") else StableDiffusionPipeline
names = ["unet", "vae", "text_encoder"] + (["text_encoder_2"] if kind is StableDiffusionXLPipeline else [])
expected = {name: getattr(own, name).state_dict() for name in names}
print(type(own).__name__, own.tokenizer("a photo of a cat").input_ids)
other = kind.from_single_file(single, config=folder, torch_dtype=torch.float16, local_files_only=True)
for name in names:
    found = getattr(other, name).state_dict()
    assert found.keys() == expected[name].keys(), name
    worst = max((found[key] - tensor).abs().max().item() for key, tensor in expected[name].items())
    print(name, len(found), "tensors, largest difference", worst)
    assert worst == 0, name
