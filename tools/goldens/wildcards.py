"""Everything that templates with alternatives and wildcards can become, by the `dynamicprompts` package that
sd-dynamic-prompts uses, and how often with weights: test/golden/data/wildcards.json.

    pip install dynamicprompts && python tools/goldens/wildcards.py"""
import json
import random
import tempfile
from collections import Counter
from pathlib import Path

from dynamicprompts.generators import CombinatorialPromptGenerator, RandomPromptGenerator
from dynamicprompts.wildcards import WildcardManager

DATA = Path(__file__).resolve().parents[2] / "test" / "golden" / "data"
FILES = {
    "colours.txt": "red\n# a comment\n\n  blue  \nred\n",
    "animals/small.txt": "cat\ndog\n",
    "animals/big/huge.txt": "elk\n",
    "scene.txt": "a __colours__ {hat|{shoe|boot}}\n",
}
TEMPLATES = [
    "a cat", "{a|b}", "{ a | b }", "x{a|}y", "{}", "{a}", "x}", "a | b", "{2$$a|b|c}", "{1-2$$ and $$a|b|c}",
    "{0-1$$a|b}", "{-1$$a|b}", "{2-$$a|b|c}", "{3$$a|b}", "{0.5::a|b}", "{ 2::a|3.5::b}", "{2$$ | $$a|b}",
    "{ 2$$ , $$a|b}", "{a{b|c}|d}", "{a|{b|{c|d}}} {e|f}", "__colours__", "__animals/*__", "__animals/**__",
    "__**/huge__", "__huge__", "__animals/**/*__", "__*__", "__an*all__", "__~colours__", "{~a|b}",
    "{2$$__colours__}", "{1-2$$__animals/small__}", "{__colours__|__animals/small__}", "__scene__, x",
    "{2$$__colours__|green}", "{a|b|c:1.2}", "[x|y] ({a|b}:1.1)", "{a_|_b}",
]
WEIGHTED = ["{2::a|b|0.5::c}", "{2$$5::a|b|c|d}", "{0::a|b}"]


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name, text in FILES.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        manager = WildcardManager(Path(folder))
        outcomes = {}
        for template in TEMPLATES:
            texts = CombinatorialPromptGenerator(manager).generate(template, 500)
            assert len(texts) < 500 or "~" in template, template  # ~ draws for ever
            outcomes[template] = sorted({str(text) for text in texts}) or [""]
        frequencies = {}
        for template in WEIGHTED:
            draws = RandomPromptGenerator(manager, seed=1, unlink_seed_from_prompt=False).generate(template, 20000)
            frequencies[template] = {str(text): count / 20000 for text, count in sorted(Counter(map(str, draws)).items())}
    row = {"files": FILES, "outcomes": outcomes, "frequencies": frequencies}
    (DATA / "wildcards.json").write_text(json.dumps(row, indent=1) + "\n")


if __name__ == "__main__":
    random.seed(1)
    main()
