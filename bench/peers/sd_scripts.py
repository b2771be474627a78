"""sd-scripts' train_network.py, unchanged, from process start to the end of its first optimizer step or of the whole run.

The UNet alone is trained, as `lora train` does, or the text encoder too; latents are cached first, as it does by its own advice.
Runs in the Python of sd-scripts ($LORA_SD_SCRIPTS_PYTHON) with its folder in $LORA_SD_SCRIPTS.
"""
import os
import runpy
import sys
import tempfile

from .measuring import since_start


class FirstStepDone(SystemExit):
    pass


def tokenizer_cache(folder):
    """Where sd-scripts looks for the tokenizer that it would download."""
    cache = tempfile.mkdtemp()
    os.symlink(os.path.join(folder, "tokenizer"), os.path.join(cache, "openai_clip-vit-large-patch14"))
    return cache


def run(file, folder, pictures, side, precision, steps=1, text=False, **_):
    import torch

    done = {}
    step = torch.optim.AdamW.step

    def first_step(self, *args, **kwargs):
        step(self, *args, **kwargs)
        done.update(since_start())
        raise FirstStepDone

    if steps == 1:
        torch.optim.AdamW.step = first_step
    options = {
        "pretrained_model_name_or_path": file,
        "tokenizer_cache_dir": tokenizer_cache(folder),
        "train_data_dir": pictures,
        "output_dir": tempfile.gettempdir(),
        "network_module": "networks.lora",
        "network_dim": 16,
        "network_alpha": 16,
        "resolution": f"{side},{side}",
        "train_batch_size": 1,
        "max_train_steps": steps,
        "learning_rate": 1e-4,
        "optimizer_type": "AdamW",
        "seed": 1,
        "caption_extension": ".txt",
        "max_data_loader_n_workers": 0,
        "mixed_precision": {"float32": "no", "bfloat16": "bf16"}[precision],
    }
    flags = ["--cache_latents", "--sdpa", *([] if text else ["--network_train_unet_only"])]
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    scripts = os.environ["LORA_SD_SCRIPTS"]
    os.chdir(scripts)
    sys.path.insert(0, scripts)
    sys.argv = ["train_network.py", *words, *flags]
    try:
        runpy.run_path("train_network.py", run_name="__main__")
    except FirstStepDone:
        pass
    return done or since_start()
