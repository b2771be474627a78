"""sd-scripts' tools for LoRA files, unchanged, from process start to the written file.

Runs in the Python of sd-scripts ($LORA_SD_SCRIPTS_PYTHON) with its folder in $LORA_SD_SCRIPTS.
"""
import os
import runpy
import shutil
import sys
import tempfile

from .measuring import since_start


def words(tool, file, lora, tuned, out):
    """A tool's script and its options."""
    if tool == "merge":
        options = ["--sd_model", file, "--models", lora, "--ratios", "1.0", "--precision", "float"]
        return "merge_lora.py", [*options, "--save_precision", "fp16", "--save_to", out]
    if tool == "resize":
        options = ["--model", lora, "--new_rank", "8", "--device", "cpu"]
        return "resize_lora.py", [*options, "--save_precision", "fp16", "--save_to", out]
    options = ["--model_org", file, "--model_tuned", tuned, "--dim", "16", "--device", "cpu"]
    return "extract_lora_from_models.py", [*options, "--save_precision", "fp16", "--save_to", out]


def run(tool, file=None, lora=None, tuned=None, **_):
    scratch = tempfile.mkdtemp()
    scripts = os.environ["LORA_SD_SCRIPTS"]
    script, options = words(tool, file, lora, tuned, os.path.join(scratch, "out.safetensors"))
    # As `python networks/merge_lora.py` has it.
    sys.path[:0] = [os.path.join(scripts, "networks"), scripts]
    sys.argv = [script, *options]
    try:
        runpy.run_path(os.path.join(scripts, "networks", script), run_name="__main__")
        assert os.path.getsize(os.path.join(scratch, "out.safetensors")) > 0
        return since_start()
    finally:
        shutil.rmtree(scratch)
