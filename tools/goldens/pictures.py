"""Golden pictures: small files of every kind that confuses readers, and the pixels that Pillow reads from them.

Writes test/golden/data/pictures.json. Usage: python tools/goldens/pictures.py
"""

import base64
import io
import json
from pathlib import Path

import struct

import icc
import numpy as np
from PIL import Image, ImageCms, ImageOps


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


def through(image, profile):
    """What LittleCMS makes of the picture under its profile, in sRGB."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    intent = ImageCms.Intent.PERCEPTUAL
    return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), intent, outputMode="RGB")


def profiled_cases():
    picture = Image.fromarray(smooth(24, 16))
    grey = picture.convert("L")
    for name, image, profile in [
        ("display p3", picture, icc.display_p3()),
        ("adobe rgb", picture, icc.adobe_rgb()),
        ("grey of gamma 1.8", grey, icc.grey(1.8)),
        ("grey of gamma 3", grey, icc.grey(3)),
    ]:
        yield case(f"profile {name} png", encode(image, format="PNG", icc_profile=profile), through(image, profile))
    jpeg = encode(picture, format="JPEG", quality=95, subsampling=0, icc_profile=icc.adobe_rgb())
    yield case("profile adobe rgb jpeg", jpeg, through(Image.open(io.BytesIO(jpeg)), icc.adobe_rgb()))
    inks = picture.convert("CMYK")
    # Some black ink, or the table's fourth axis would not be looked at.
    inks = Image.merge("CMYK", [*inks.split()[:3], grey.point(lambda level: 90 - level // 3)])
    tiff = encode(inks, format="TIFF", icc_profile=icc.cmyk())
    yield case("profile cmyk tiff", tiff, through(inks, icc.cmyk()))
    cmyk = encode(inks, format="JPEG", quality=98, subsampling=0, icc_profile=icc.cmyk())
    yield case("profile cmyk jpeg", cmyk, through(Image.open(io.BytesIO(cmyk)), icc.cmyk()))


def bitmap_16(picture):
    """A bottom-up 5-6-5 BMP, which Pillow reads but does not write."""
    rgb = np.asarray(picture).astype(np.uint16)[::-1]
    words = (rgb[..., 0] >> 3 << 11) | (rgb[..., 1] >> 2 << 5) | (rgb[..., 2] >> 3)
    data = np.pad(words, ((0, 0), (0, words.shape[1] % 2))).astype("<u2").tobytes()
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    header = struct.pack("<IiiHHIIiiII", 40, picture.width, picture.height, 1, 16, 3, len(data), 2835, 2835, 0, 0)
    offset = 14 + len(header) + len(masks)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + header + masks + data


def bitmap_32(picture):
    """A top-down BMP with an alpha field, as later versions of the header have it."""
    data = np.asarray(picture)[..., [2, 1, 0, 3]].tobytes()
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, picture.width, -picture.height, 1, 32, 3, len(data), 2835, 2835, 0, 0)
    header = (header + masks + b"BGRs").ljust(108, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + 108 + len(data), 0, 0, 14 + 108) + header + data


def bitmap_cases():
    picture = Image.fromarray(smooth(23, 16))  # rows that are filled up to four bytes
    for mode in ("1", "L", "RGB"):
        image = picture.convert(mode)
        yield case(f"bmp {mode}", encode(image, format="BMP"), image.convert("RGB"))
    palette = picture.quantize(16)
    yield case("bmp P", encode(palette, format="BMP"), palette.convert("RGB"))
    rgba = picture.convert("RGBA")
    rgba.putalpha(Image.linear_gradient("L").resize(picture.size))
    plain = encode(rgba, format="BMP")  # a fourth byte that means nothing
    yield case("bmp 32", plain, Image.open(io.BytesIO(plain)).convert("RGB"))
    alpha = bitmap_32(rgba)
    yield case("bmp alpha", alpha, on_white(Image.open(io.BytesIO(alpha))))
    data = bitmap_16(picture)
    yield case("bmp 565", data, Image.open(io.BytesIO(data)).convert("RGB"))


def deep_cases():
    import cv2

    rgb = smooth(24, 16)
    deep = rgb[..., ::-1].astype(np.uint16) * 257
    yield case("16-bit rgb png", cv2.imencode(".png", deep)[1].tobytes(), rgb)
    yield case("16-bit rgb tiff", cv2.imencode(".tiff", deep)[1].tobytes(), rgb)
    alpha = np.tile(np.linspace(0, 255, 24), (16, 1)).round().astype(np.uint8)
    rgba = np.concatenate([rgb, alpha[..., None]], -1)
    data = cv2.imencode(".png", rgba[..., [2, 1, 0, 3]].astype(np.uint16) * 257)[1].tobytes()
    yield case("16-bit alpha png", data, on_white(Image.fromarray(rgba)))
    picture = Image.fromarray(rgb)
    yield case("1-bit png", encode(picture.convert("1"), format="PNG"), picture.convert("1").convert("RGB"))
    webp = encode(picture, format="WEBP", quality=95)
    yield case("lossy webp", webp, Image.open(io.BytesIO(webp)).convert("RGB"))
    avif = encode(picture, format="AVIF", quality=100, subsampling="4:4:4")
    yield case("avif", avif, Image.open(io.BytesIO(avif)).convert("RGB"))
    jpeg = encode(picture.convert("L"), format="JPEG", quality=95)
    yield case("grey jpeg", jpeg, Image.open(io.BytesIO(jpeg)).convert("RGB"))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encode(picture, format="JPEG", quality=95, subsampling=0, exif=exif)
    yield case("jpeg of exif orientation 6", turned, ImageOps.exif_transpose(Image.open(io.BytesIO(turned))))


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
    yield from profiled_cases()
    yield from bitmap_cases()
    yield from deep_cases()
    yield case("reduced", encode(Image.fromarray(large), format="PNG"), large, (36, 24))
    yield case("reduced by an odd factor", encode(Image.fromarray(large), format="PNG"), large, (34, 23))
    yield case("enlarged", encode(picture, format="PNG"), picture, (48, 32))
    yield case("enlarged by an odd factor", encode(picture, format="PNG"), picture, (41, 27))


def main():
    path = Path(__file__).parents[2] / "test/golden/data/pictures.json"
    path.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases()) + "\n]\n")
    print(path, path.stat().st_size)


main()
