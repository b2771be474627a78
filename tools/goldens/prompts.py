"""How A1111 and ComfyUI read prompts: their own parsers on their published examples and on generated strings.

    python tools/goldens/prompts.py FORGE COMFYUI      -> test/golden/data/prompts.json

FORGE and COMFYUI are checkouts of lllyasviel/stable-diffusion-webui-forge (whose modules/prompt_parser.py is A1111's) and of
Comfy-Org/ComfyUI. Needs lark. test/support/syntax-strings.ts makes the same strings; the file holds hashes of what each parser
makes of them, one for each block of 50, with weights as the 16 digits of their float64."""
import ast
import doctest
import hashlib
import importlib.util
import json
import struct
import sys
from pathlib import Path

from draws import Draw, hash_step

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
COUNT, BLOCK = 4000, 50


def strings(count):
    fragments = json.loads((DATA / "prompt-fragments.json").read_text())
    for i in range(count):
        draw = Draw(hash_step(i + 20001))
        yield "".join(draw.choice(fragments) for _ in range(1 + draw.below(16)))


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def functions_of(path, names):
    """Functions of a file whose imports are not there."""
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in names]
    scope = {}
    exec(compile(tree, str(path), "exec"), scope)
    return [scope[name] for name in names]


def exact(weight):
    return struct.pack(">d", weight).hex()


def weighted(pieces):
    return [[text, exact(weight)] for text, weight in pieces]


def attempt(parse):
    """What the parser gives, or that it fails."""
    try:
        return parse()
    except (ValueError, OverflowError):
        return "fails"


def main(forge, comfy):
    parser = load(forge / "modules" / "prompt_parser.py")
    token_weights, escape, unescape = functions_of(
        comfy / "comfy" / "sd1_clip.py", ["token_weights", "escape_important", "unescape_important"])
    token_weights.__globals__.update(zip(["parse_parentheses"], functions_of(comfy / "comfy" / "sd1_clip.py", ["parse_parentheses"])))

    def schedule(text, *run):
        return parser.get_learned_conditioning_prompt_schedules([text], *run)[0]

    def composed(text):
        (indexes,), flat, _ = parser.get_multicond_prompt_list(parser.SdConditioning([text]))
        return [[flat[index], exact(weight)] for index, weight in indexes]

    readers = {
        "attention": lambda text: weighted(parser.parse_prompt_attention(text)),
        "schedule": lambda text: schedule(text, 10),
        "second pass": lambda text: schedule(text, 10, 8),
        "composed": composed,
        "comfy": lambda text: weighted((unescape(piece), weight) for piece, weight in token_weights(escape(text), 1.0)),
    }
    digest = lambda rows: hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()[:16]
    texts = list(strings(COUNT))
    rows = {name: [attempt(lambda: read(text)) for text in texts] for name, read in readers.items()}

    examples = {"attention": [], "schedule": [], "second pass": []}
    for test in doctest.DocTestFinder().find(parser):
        second = False
        for example in test.examples:
            second = second or "10, 10)" in example.source
            if not example.want:
                continue
            text = eval(example.source.split("(", 1)[1].rsplit(")", 1)[0])
            found = ast.literal_eval(example.want)
            kind = "attention" if "attention" in example.source else "second pass" if second else "schedule"
            if kind == "schedule" and schedule(text, 10) != found:
                print("A1111's own parser gives something else than its example:", text)  # it says "not handling this right now"
                found = schedule(text, 10)
            examples[kind].append([text, found])

    out = {
        "strings": digest(texts),
        "blocks": {name: [digest(found[i:i + BLOCK]) for i in range(0, COUNT, BLOCK)] for name, found in rows.items()},
        "published": examples,
        "changing": sum(len(row) > 1 for row in rows["schedule"]),
        "failing": {name: sum(row == "fails" for row in found) for name, found in rows.items()},
    }
    target = DATA / "prompts.json"
    target.write_text(json.dumps(out) + "\n")
    print(target, target.stat().st_size, out["changing"], out["failing"], {k: len(v) for k, v in examples.items()})


main(Path(sys.argv[1]), Path(sys.argv[2]))
