"""diffusers' way to know what a single file is, from process start."""
from .measuring import since_start


def run(file, **_):
    from diffusers.loaders.single_file_utils import infer_diffusers_model_type, load_single_file_checkpoint

    kind = infer_diffusers_model_type(load_single_file_checkpoint(file))
    assert kind.startswith("xl"), kind
    return since_start()
