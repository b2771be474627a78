"""What the UNet reads of prompts: A1111's and ComfyUI's own text engines on the embedded model's tokenizer and encoder.

    python tools/goldens/prompt_states.py FORGE COMFYUI      -> test/golden/data/prompt_states.json

FORGE and COMFYUI as in prompts.py. Forge's backend/text_processing/classic_engine.py (A1111's, with the chunks, the comma rule,
emphasis, clip skip and textual inversion) runs as it is around transformers' CLIPTextModel; of ComfyUI's comfy/sd1_clip.py the
tokenizer and the weighting run, its encoder is transformers' too. Run again whenever pretrained/pocket changes."""
import importlib.util
import json
import sys
import types
from pathlib import Path
from types import SimpleNamespace

import torch
import numpy as np
from hashed_weights import fill, uniform
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
torch.set_grad_enabled(False)
POCKET = DATA.parents[2] / "pretrained" / "pocket"
CHUNK = 30  # the pocket encoder takes 32 tokens
LONG = "a green frog sits at night on a red house in the snow, waving to seven small birds; it is very, very cold today in this town"
WORD, VECTORS = "zorbix", 3

# No comma stands before a moved embedding: A1111 moves its tokens to the next chunk and leaves its vectors behind.
A1111 = [
    ["a red cat"], ["a (red:1.4) cat"], ["a ((green)) frog, [blue] sky"], ["a red cat BREAK a blue (dog:1.3)"], [LONG], [f"{LONG}, {LONG}"],
    [f"({LONG}:1.2), [[{LONG}]]"], ["BREAK a cat"], ["(a BREAK b)"], ["a \\(red\\) cat (x:0.5)"], [""], ["a cat", "a (dog:1.5)"], ["a cat", f"{LONG}, {LONG}"],
    [f"a {WORD} in the snow"], [f"{LONG} {WORD}. ({WORD}:1.3)"], ["(cat:-0.5) and dog"],
]
COMFY = [
    "a red cat", "a (red:1.4) cat", "((a green) frog:1.2) [blue] sky", LONG, f"{LONG}, {LONG}", f"({LONG}:1.2), (short one)", f"({LONG}) (a red cat in the snow)", "\\(a\\) (cat:0)",
]


def given(name, shape):
    """A test input: uniform with unit variance."""
    return torch.from_numpy((uniform(name, int(np.prod(shape))) * np.sqrt(12)).astype(np.float32).reshape(shape))


def digest(x, count):
    """Evenly spread samples, and the norm of the whole."""
    flat = x.detach().double().flatten()
    step = max(1, flat.numel() // count)
    return {"shape": list(x.shape), "step": step, "samples": [float(f"{v:.7g}") for v in flat[::step]], "norm": float(f"{flat.norm():.9g}")}


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def encoder(model=None):
    """The embedded model's unless given, with the names that Forge knows from transformers 4."""
    model = model or CLIPTextModel.from_pretrained(POCKET / "text_encoder", torch_dtype=torch.float32).eval()
    inner = getattr(model, "text_model", model)

    class Named(torch.nn.Module):
        def forward(self, tokens, **options):
            return model(tokens, **options)

    named = Named()
    named.text_model = inner
    return named


def a1111(forge):
    shared = SimpleNamespace(opts=SimpleNamespace(emphasis="Original"))
    management = SimpleNamespace(text_encoder_device=lambda: "cpu")
    processing = types.ModuleType("backend.text_processing")
    sys.modules.update({"modules": types.ModuleType("modules"), "modules.shared": shared, "backend": types.ModuleType("backend"),
                        "backend.text_processing": processing, "backend.memory_management": management})
    sys.modules["backend"].memory_management = management
    folder = forge / "backend" / "text_processing"
    for name in ["parsing", "emphasis", "textual_inversion", "classic_engine"]:
        setattr(processing, name, load(folder / f"{name}.py", f"backend.text_processing.{name}"))
    tokenizer = CLIPTokenizer.from_pretrained(POCKET / "tokenizer")
    engine = processing.classic_engine.ClassicTextProcessingEngine(SimpleNamespace(transformer=encoder()), tokenizer, chunk_length=CHUNK)
    width = engine.text_encoder.transformer.text_model.final_layer_norm.weight.shape[0]
    embedding = processing.textual_inversion.Embedding(given("new word", (VECTORS, width)) * 0.05, WORD)
    embedding.vectors, embedding.shape = VECTORS, width
    register = engine.embeddings
    register.tokenizer = lambda texts, **options: {"input_ids": tokenizer(texts, **options)["input_ids"]}
    register.register_embedding(embedding)
    cases = []
    for emphasis, name in [("Original", "a1111"), ("No norm", "a1111-nonorm"), ("None", "none")]:
        for clip_skip in [1, 2]:
            shared.opts.emphasis, engine.clip_skip = emphasis, clip_skip
            for texts in A1111:
                states = engine(texts)
                cases.append({"emphasis": name, "clipSkip": clip_skip, "texts": texts, "states": [digest(row, 24) for row in states[:, None]]})
    return cases


def sdxl():
    """Both encoders of SDXL as Forge sets them up: the embedded model's, and a small one with hashed weights for OpenCLIP's."""
    engine = sys.modules["backend.text_processing.classic_engine"].ClassicTextProcessingEngine
    sys.modules["modules.shared"].opts.emphasis = "Original"
    config = dict(hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=2, hidden_act="gelu", vocab_size=666,
                  max_position_embeddings=CHUNK + 2, projection_dim=48, bos_token_id=664, eos_token_id=665, pad_token_id=1)
    model = CLIPTextModelWithProjection(CLIPTextConfig(**config)).eval()
    fill(model)
    shapes = {name: list(parameter.shape) for name, parameter in model.named_parameters()}
    big = encoder(model.text_model)
    big.text_projection = model.text_projection
    tokenizers = [CLIPTokenizer.from_pretrained(POCKET / "tokenizer", **options) for options in [{}, {"pad_token": "!"}]]
    common = dict(chunk_length=CHUNK, minimal_clip_skip=2, clip_skip=2, final_layer_norm=False)
    l = engine(SimpleNamespace(transformer=encoder()), tokenizers[0], **common)
    g = engine(SimpleNamespace(transformer=big), tokenizers[1], embedding_key="clip_g", text_projection=True, return_pooled=True, **common)
    cases = []
    for text in ["a (red:1.4) cat", f"({LONG}:1.2), [[{LONG}]]", ""]:
        states, pooled = g([text])
        cases.append({"text": text, "states": digest(torch.cat([l([text]), states], dim=2), 24), "pooled": digest(pooled, 24)})
    return {"config": config, "shapes": shapes, "cases": cases}


def comfy(folder):
    for name in ["comfy", "comfy.ops", "comfy.clip_model", "comfy.model_management"]:
        sys.modules[name] = types.ModuleType(name)
    sys.modules["comfy"].__path__ = []
    sys.modules["comfy"].ops, sys.modules["comfy"].clip_model = sys.modules["comfy.ops"], sys.modules["comfy.clip_model"]
    sys.modules["comfy.clip_model"].CLIPTextModel = None
    sys.modules["comfy.model_management"].intermediate_device = lambda: "cpu"
    clip = load(folder / "comfy" / "sd1_clip.py", "comfy.sd1_clip")
    tokenizer = clip.SDTokenizer(str(POCKET / "tokenizer"), max_length=CHUNK + 2)
    transformer = encoder()

    class Encoder(clip.ClipTokenWeightEncoder):
        special_tokens = {"start": tokenizer.start_token, "end": tokenizer.end_token, "pad": tokenizer.pad_token}

        def encode(self, tokens):
            hidden = transformer(torch.tensor(tokens), output_hidden_states=True).hidden_states[-self.clip_skip]
            return transformer.text_model.final_layer_norm(hidden), None

    weigher = Encoder()
    cases = []
    for clip_skip in [1, 2]:
        weigher.clip_skip = clip_skip
        for text in COMFY:
            states, _ = weigher.encode_token_weights(tokenizer.tokenize_with_weights(text))
            cases.append({"clipSkip": clip_skip, "text": text, "states": digest(states, 24)})
    return cases


def main(forge, comfyui):
    out = {"word": WORD, "vectors": VECTORS, "a1111": a1111(forge), "sdxl": sdxl(), "comfy": comfy(comfyui)}
    target = DATA / "prompt_states.json"
    target.write_text(json.dumps(out) + "\n")
    print(target, target.stat().st_size, len(out["a1111"]), len(out["comfy"]))


main(Path(sys.argv[1]), Path(sys.argv[2]))
