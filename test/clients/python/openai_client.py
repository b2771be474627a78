"""What PyPI's openai sees of a studio. `openai_client.py ADDRESS TOKEN` prints JSON; nothing is judged here."""
import base64
import io
import json
import sys
import urllib.request
from urllib.parse import urlparse

import openai
from PIL import Image

address, token = sys.argv[1:3]
client = openai.OpenAI(base_url=f"{address}/v1", api_key=token, max_retries=0)
quick = {"extra_body": {"steps": 2, "seed": 7}}
saw = {}


def picture(data):
    return Image.open(io.BytesIO(base64.b64decode(data.b64_json)))


def about(answer):
    pictures = [picture(data) for data in answer.data]
    return {
        "sizes": [one.size for one in pictures],
        "formats": [one.format for one in pictures],
        "texts": [one.info.get("parameters") for one in pictures],
        "created": answer.created,
        "output_format": answer.output_format,
        "size": answer.size,
    }


def error_of(work):
    try:
        work()
    except openai.APIStatusError as error:
        return {"class": type(error).__name__, "status": error.status_code, "code": error.code, "param": error.param,
                "message": error.message}
    except openai.APIError as error:
        return {"class": type(error).__name__, "code": error.code, "message": error.message}
    return None


def difference(first, second):
    a, b = first.convert("RGB").tobytes(), second.convert("RGB").tobytes()
    return sum(abs(x - y) for x, y in zip(a, b)) / len(a)


def png(image):
    out = io.BytesIO()
    image.save(out, "PNG")
    out.name = "picture.png"
    out.seek(0)
    return out


saw["models"] = [model.id for model in client.models.list()]
saw["model"] = client.models.retrieve(saw["models"][0]).id
plain = client.images.generate(prompt="a zorbi", size="64x64", **quick)
saw["generate"] = about(plain)
saw["two"] = about(client.images.generate(
    prompt="a zorbi", model="gpt-image-1", n=2, size="64x128", quality="low", output_format="jpeg",
    output_compression=80, user="somebody", **quick))
linked = client.images.generate(prompt="a zorbi", model="dall-e-3", size="64x64", response_format="url", **quick)
with urllib.request.urlopen(linked.data[0].url) as answer:  # without the token
    saw["url"] = {"type": answer.headers["content-type"], "size": Image.open(io.BytesIO(answer.read())).size}
broken = urlparse(linked.data[0].url)._replace(query="until=9999999999&key=x").geturl()
try:
    urllib.request.urlopen(broken)
except urllib.error.HTTPError as error:
    saw["url forged"] = error.code
lora = client.images.generate(
    prompt="a zorbi", size="64x64", extra_body={**quick["extra_body"], "lora": [{"name": "zorbi", "weight": 1}]})
saw["lora"] = {**about(lora), "difference": difference(picture(plain.data[0]), picture(lora.data[0]))}

events = []
for event in client.images.generate(
        prompt="a zorbi", size="64x64", stream=True, partial_images=2, extra_body={"steps": 60, "seed": 7}):
    size = Image.open(io.BytesIO(base64.b64decode(event.b64_json))).size
    events.append({"class": type(event).__name__, "type": event.type, "size": size,
                   "index": getattr(event, "partial_image_index", None), "told": event.size})
saw["stream"] = events
saw["stream wrong"] = error_of(lambda: list(client.images.generate(
    prompt="a zorbi <lora:zorby>", size="64x64", stream=True, **quick)))

start = picture(plain.data[0]).convert("RGB")
mask = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
mask.paste((0, 0, 0, 0), (0, 0, 32, 64))
edited = client.images.edit(image=png(start), mask=png(mask), prompt="a zorbi", size="64x64",
                            extra_body={"steps": "2", "seed": "9"})
right, left = (44, 0, 64, 64), (0, 0, 20, 64)
after = picture(edited.data[0])
saw["edit"] = {**about(edited), "kept": difference(start.crop(right), after.crop(right)),
               "drawn": difference(start.crop(left), after.crop(left))}
saw["edit without mask"] = about(client.images.edit(image=[png(start)], prompt="a zorbi",
                                                    extra_body={"steps": "2", "strength": "0.5"}))
saw["edit stream"] = [event.type for event in client.images.edit(
    image=png(start), prompt="a zorbi", stream=True, extra_body={"steps": "2"})]
saw["edit of two"] = error_of(lambda: client.images.edit(image=[png(start), png(start)], prompt="a zorbi"))
saw["edit of no picture"] = error_of(lambda: client.images.edit(image=("x.png", b"no picture"), prompt="a zorbi"))

wrong = openai.OpenAI(base_url=f"{address}/v1", api_key="wrong", max_retries=0)
saw["token wrong"] = error_of(lambda: wrong.models.list())
saw["model wrong"] = error_of(lambda: client.images.generate(prompt="a", model="pokcet"))
saw["size wrong"] = error_of(lambda: client.images.generate(prompt="a", size="large"))
saw["quality wrong"] = error_of(lambda: client.images.generate(prompt="a", quality="best"))
saw["n wrong"] = error_of(lambda: client.images.generate(prompt="a", n=11))
saw["lora wrong"] = error_of(lambda: client.images.generate(prompt="a <lora:zorby>", size="64x64", **quick))
print(json.dumps(saw))
