"""Gradients of the vectors of a new word through the embedded model's text encoder and UNet:
test/golden/data/new_word.json. The word stands in the caption as two tokens that the table of words does not have.

    python tools/goldens/new_word.py      run again whenever pretrained/pocket changes"""
import json

import torch
from diffusers import UNet2DConditionModel
from hashed_weights import uniform
from models import DATA, digest
from transformers import CLIPTextModel, CLIPTokenizer

MODEL = DATA.parents[2] / "pretrained" / "pocket"
WORD, VECTORS, TIMESTEP = "qzx", 2, 310
CAPTIONS = ["a QZX, waving; in the snow!", "qzx qzx", "a red house"]


def given(name, shape):
    data = uniform(name, int(torch.Size(shape).numel())) * 12 ** 0.5
    return torch.from_numpy(data.astype("float32")).reshape(shape)


def ids_of(tokenizer, caption, first):
    """Start, the words, end, padding; the new word as its two ids."""
    ids = [tokenizer.bos_token_id]
    parts = caption.lower().split(WORD)
    for i, part in enumerate(parts):
        ids += [first + j for j in range(VECTORS)] if i > 0 else []
        ids += tokenizer(part, add_special_tokens=False).input_ids
    ids.append(tokenizer.eos_token_id)
    return ids + [tokenizer.eos_token_id] * (tokenizer.model_max_length - len(ids))


def main():
    torch.set_grad_enabled(True)  # models.py turns them off
    tokenizer = CLIPTokenizer.from_pretrained(MODEL / "tokenizer")
    text = CLIPTextModel.from_pretrained(MODEL / "text_encoder", torch_dtype=torch.float32).eval()
    unet = UNet2DConditionModel.from_pretrained(MODEL / "unet", torch_dtype=torch.float32).eval()
    first = text.config.vocab_size
    width = text.config.hidden_size
    text.resize_token_embeddings(first + VECTORS, mean_resizing=False)
    table = text.get_input_embeddings().weight
    with torch.no_grad():
        table[first:] = 0.05 * given("new word", (VECTORS, width))
    ids = torch.tensor([ids_of(tokenizer, caption, first) for caption in CAPTIONS])
    states = text(ids)[0]
    channels = unet.config.in_channels
    shape = (len(CAPTIONS), channels, 8, 8)
    prediction = unet(given("sample", shape), TIMESTEP, states).sample
    losses = ((prediction - given("target", shape)) ** 2).mean(dim=(1, 2, 3))
    losses.sum().backward()
    row = {
        "word": WORD, "vectors": VECTORS, "timestep": TIMESTEP, "captions": CAPTIONS,
        "ids": ids.tolist(), "states": digest(states.detach()), "losses": losses.tolist(),
        "gradient": digest(table.grad[first:]),
    }
    (DATA / "new_word.json").write_text(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
