"""What OneTrainer calls the modules of a LoRA in each of its layouts -> test/golden/data/lora-onetrainer.json

    python tools/goldens/lora_onetrainer.py <folder of OneTrainer>       (wants the package `parse`)

Its own conversions run on the names of models of the real shapes; the pairs are `Diffusers path -> name`, as digests."""
import importlib.abc
import importlib.machinery
import json
import sys
import types
from pathlib import Path
from unittest.mock import MagicMock

import torch
from lora_names import TEXTS, digest, peft_keys

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"


class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for packages that only training needs."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = MagicMock(name=spec.name)
        module.__path__, module.__spec__, module.__name__ = [], spec, spec.name
        return module

    def exec_module(self, module):
        pass


sys.path.insert(0, sys.argv[1])
sys.meta_path.append(Absent())
from modules.model.StableDiffusionModel import StableDiffusionModel  # noqa: E402
from modules.model.StableDiffusionXLModel import StableDiffusionXLModel  # noqa: E402
from modules.modelSaver.mixin.LoRASaverMixin import LoRASaverMixin  # noqa: E402
from modules.modelSaver.stableDiffusion.StableDiffusionLoRASaver import StableDiffusionLoRASaver  # noqa: E402
from modules.modelSaver.stableDiffusionXL.StableDiffusionXLLoRASaver import StableDiffusionXLLoRASaver  # noqa: E402
from modules.util.enum.ModelType import ModelType  # noqa: E402


def model_of(family):
    """A model without its parts: only its type and what it says of names."""
    kind = StableDiffusionXLModel if family == "sdxl" else StableDiffusionModel
    model = object.__new__(kind)
    model.model_type = {"sd15": ModelType.STABLE_DIFFUSION_15, "sd2": ModelType.STABLE_DIFFUSION_21, "sdxl": ModelType.STABLE_DIFFUSION_XL_10_BASE}[family]
    for name in ["text_encoder", "text_encoder_1", "text_encoder_2", "unet"]:
        setattr(model, name, None)
    return model


def written(family, layout, state):
    """The tensors that the saver writes, caught on their way to the file."""
    saver = StableDiffusionXLLoRASaver() if family == "sdxl" else StableDiffusionLoRASaver()
    caught = {}
    saver._get_state_dict = lambda model: dict(state)
    saver._write_lora_file = lambda model, destination, tensors: caught.update(tensors)
    saver._convert_state_dict_dtype = lambda tensors, dtype: tensors
    getattr(LoRASaverMixin, f"_save_{layout}")(saver, model_of(family), "", None)
    return caught


golden = {}
for family in TEXTS:
    layers = sorted({k.rsplit(".lora_", 1)[0] for k in peft_keys(family)})
    tags = {layer: float(i + 1) for i, layer in enumerate(layers)}
    for layout in ["kohya", "legacy", "comfy", "original", "diffusers"]:
        chosen = [layer for layer in layers if layout != "original" or layer.startswith("unet.")]
        state = {f"{layer}.lora_down.weight": torch.full((1, 1), tags[layer]) for layer in chosen}
        state |= {f"{layer}.lora_up.weight": torch.ones(1, 1) for layer in chosen}
        state |= {f"{layer}.alpha": torch.ones(()) for layer in chosen}
        made = written(family, layout, state)
        ends = (".lora_down.weight", ".lora_A.weight")
        pairs = [f"{layers[int(v.flatten()[0]) - 1]} -> {k}" for k, v in made.items() if k.endswith(ends)]
        golden.setdefault(family, {})[layout] = digest(pairs)
        print(family, layout, len(pairs), pairs[len(pairs) // 2])
(DATA / "lora-onetrainer.json").write_text(json.dumps(golden, indent=1) + "\n")
