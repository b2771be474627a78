"""Golden pictures: small files of every kind that confuses readers, and the pixels that Pillow reads from them.

Writes test/golden/data/pictures.json. Usage: python tools/goldens/pictures.py
"""

import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def smooth(width, height):
    """A picture whose four corners differ, so that a wrong rotation or flip shows."""
    y, x = np.mgrid[0:height, 0:width]
    red = 255 * x / (width - 1)
    green = 255 * y / (height - 1)
    blue = 127 + 120 * np.sin(x / 5 + y / 7)
    return np.stack([red, green, blue], -1).round().astype(np.uint8)


def encode(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def on_white(image):
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")


def case(name, data, expected, size=None):
    image = Image.fromarray(expected) if isinstance(expected, np.ndarray) else expected
    if size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    return {
        "name": name,
        "file": base64.b64encode(data).decode(),
        "width": image.width,
        "height": image.height,
        "rgb": base64.b64encode(np.asarray(image.convert("RGB")).tobytes()).decode(),
    }


def cases():
    rgb = smooth(24, 16)
    picture = Image.fromarray(rgb)
    yield case("rgb png", encode(picture, format="PNG"), picture)
    grey = picture.convert("L")
    yield case("grey png", encode(grey, format="PNG"), grey)
    wide = (np.asarray(grey).astype(np.uint16) << 8) | 0x80
    yield case("16-bit grey png", encode(Image.fromarray(wide), format="PNG"), (wide >> 8).astype(np.uint8))
    palette = picture.quantize(32)
    yield case("palette png", encode(palette, format="PNG"), palette.convert("RGB"))
    palette_data = encode(palette, format="PNG", transparency=3)
    yield case("palette png with a transparent colour", palette_data, on_white(Image.open(io.BytesIO(palette_data))))
    alpha = np.concatenate([rgb, np.tile(np.linspace(0, 255, 24), (16, 1))[..., None].round().astype(np.uint8)], -1)
    rgba = Image.fromarray(alpha)
    yield case("alpha png", encode(rgba, format="PNG"), on_white(rgba))
    yield case("alpha webp", encode(rgba, format="WEBP", lossless=True, exact=True), on_white(rgba))
    grey_alpha = Image.merge("LA", [grey, rgba.getchannel("A")])
    yield case("grey alpha png", encode(grey_alpha, format="PNG"), on_white(grey_alpha))
    frames = [picture.quantize(32), Image.new("RGB", picture.size, "red").quantize(32)]
    gif = encode(frames[0], format="GIF", save_all=True, append_images=frames[1:])
    yield case("animated gif", gif, Image.open(io.BytesIO(gif)).convert("RGB"))
    yield case("lzw tiff", encode(picture, format="TIFF", compression="tiff_lzw"), picture)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encode(picture, format="PNG", exif=exif)
        yield case(f"exif orientation {orientation}", data, ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    jpeg = encode(picture, format="JPEG", quality=95, subsampling=0)
    yield case("jpeg", jpeg, Image.open(io.BytesIO(jpeg)))
    cmyk = encode(picture.convert("CMYK"), format="JPEG", quality=95)
    yield case("cmyk jpeg", cmyk, Image.open(io.BytesIO(cmyk)).convert("RGB"))
    large = smooth(90, 60)
    yield case("reduced", encode(Image.fromarray(large), format="PNG"), large, (36, 24))
    yield case("reduced by an odd factor", encode(Image.fromarray(large), format="PNG"), large, (34, 23))
    yield case("enlarged", encode(picture, format="PNG"), picture, (48, 32))
    yield case("enlarged by an odd factor", encode(picture, format="PNG"), picture, (41, 27))


def main():
    path = Path(__file__).parents[2] / "test/golden/data/pictures.json"
    path.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases()) + "\n]\n")
    print(path, path.stat().st_size)


main()
