"""Golden ids of CLIP's own tokenizer: transformers' CLIPTokenizer with OpenAI's vocabulary, on 5,000 strings.

The vocabulary comes from the list of merges that open_clip_torch carries (a package other than the one that the product
reads it from). test/support/prompt-strings.ts makes the same strings from the same seed; here are hashes of their ids, one
for each block of 50, and whole ids of a few.

Usage: python tools/goldens/clip_tokenizer.py bpe_simple_vocab_16e6.txt.gz   -> test/golden/data/clip-tokenizer.json
"""

import gzip
import hashlib
import json
import sys
import tempfile
from pathlib import Path

from draws import Draw, hash_step
from transformers import CLIPTokenizer

ROOT = Path(__file__).parents[2]
COUNT, BLOCK = 5000, 50


def strings(recipe, count):
    words, glue, marks, ranges = recipe["words"], recipe["glue"], recipe["marks"], recipe["ranges"]
    for i in range(count):
        draw = Draw(hash_step(i + 1))
        parts = []
        for _ in range(1 + draw.below(draw.choice(recipe["lengths"]))):
            kind = draw.below(8)
            if kind < 5:
                word = draw.choice(words)
                case = draw.below(4)
                parts.append(word.upper() if case == 0 else word)
            elif kind == 5:
                parts.append(draw.choice(marks))
            else:
                first, last = draw.choice(ranges)
                parts.extend(chr(first + draw.below(last - first + 1)) for _ in range(1 + draw.below(6)))
            parts.append(draw.choice(glue))
        yield "".join(parts)


def units_to_text(units):
    """UTF-16 code units; a surrogate alone becomes U+FFFD, as every encoder of UTF-8 makes of it."""
    data = b"".join(u.to_bytes(2, "little") for u in units)
    return data.decode("utf-16-le", errors="replace")


def hostile():
    """Strings that nobody should write, under the names that test/support/prompt-strings.ts gives them."""
    yield "nested", "(" * 10000 + "a" + ")" * 10000
    yield "one letter", "a" * 1_000_000
    draw = Draw(7)
    yield "one word", "".join(chr(97 + draw.below(26)) for _ in range(1_000_000))
    yield "marks", "!?" * 500_000
    yield "emoji", "\U0001F9D1\U0001F3FB\u200d" * 100_000
    for i in range(200):
        draw = Draw(hash_step(i + 1001))
        ranges = [(0x20, 0x7E), (0xD800, 0xDBFF), (0xDC00, 0xDFFF), (0xD7F0, 0xE010)]
        units = []
        for _ in range(1 + draw.below(24)):
            first, last = draw.choice(ranges)
            units.append(first + draw.below(last - first + 1))
        yield f"surrogates {i}", units_to_text(units)


def vocabulary(path):
    """openai/CLIP's simple_tokenizer: bytes, bytes at the end of a word, merges, start, end."""
    merges = gzip.open(path).read().decode().split("\n")[1:49152 - 256 - 2 + 1]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    extra = [b for b in range(256) if b not in printable]
    symbols = [chr(b) for b in printable] + [chr(256 + i) for i in range(len(extra))]
    tokens = symbols + [s + "</w>" for s in symbols] + [m.replace(" ", "") for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    assert len(tokens) == 49408
    return {token: i for i, token in enumerate(tokens)}, merges


def main(path):
    recipe = json.loads((ROOT / "test/golden/data/prompt-strings.json").read_text())
    vocab, merges = vocabulary(path)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "vocab.json").write_text(json.dumps(vocab))
        (Path(folder) / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
        tokenizer = CLIPTokenizer.from_pretrained(folder, model_max_length=77, pad_token="<|endoftext|>")
    texts = list(strings(recipe, COUNT))
    ids = [tokenizer(text, padding="max_length", truncation=True, max_length=77).input_ids for text in texts]
    digest = lambda rows: hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()[:16]
    out = {
        "vocabulary": digest(list(vocab)),
        "texts": digest(texts and [[ord(c) for c in t] for t in texts]),
        "blocks": [digest(ids[i:i + BLOCK]) for i in range(0, COUNT, BLOCK)],
        "examples": [[texts[i], [x for x in ids[i] if x != 49407]] for i in range(0, COUNT, 500)],
        "hostile": {name: digest(tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids) for name, text in hostile()},
        "padded": sum(row[-2] == 49407 for row in ids),
    }
    target = ROOT / "test/golden/data/clip-tokenizer.json"
    target.write_text(json.dumps(out) + "\n")
    print(target, target.stat().st_size, out["padded"], "of", COUNT, "fit")


main(sys.argv[1])
