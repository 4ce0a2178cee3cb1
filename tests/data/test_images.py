"""Every kind of image file is read right, and the same in training as one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.data.images import ResizeMode, UnreadableImageError, decode, resize
from kerascnn.data.loading import load
from kerascnn.data.pipeline import evaluation_batches
from kerascnn.data.spec import DataSpec
from tests.data.pictures import picture

RGB = picture(20, 30)
GREY = RGB[..., 0]
GREY_RGB = np.repeat(GREY[..., None], 3, -1)
ALPHA = np.linspace(0, 255, 20 * 30).reshape(20, 30).round().astype(np.uint8)
_SHARE = ALPHA[..., None] / 255
ON_WHITE = RGB * _SHARE + 255 * (1 - _SHARE)
GREY_ON_WHITE = GREY_RGB * _SHARE + 255 * (1 - _SHARE)


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _palette() -> Image.Image:
    return Image.fromarray(RGB // 64 * 64).quantize(colors=64, dither=Image.Dither.NONE)


def _save_rgba(path: Path) -> None:
    Image.fromarray(np.dstack([RGB, ALPHA])).save(path)


def _save_clear_palette(path: Path) -> None:
    indices = np.zeros((20, 30), np.uint8)
    indices[:, 15:] = 1
    image = Image.new("P", (30, 20))
    image.putdata(indices.ravel().tolist())
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.save(path, transparency=0)


_CLEAR_PALETTE = np.full((20, 30, 3), 255)
_CLEAR_PALETTE[:, 15:] = (200, 100, 50)


def _save_animation(path: Path) -> None:
    frames = [_palette(), Image.fromarray(255 - RGB).quantize(64)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50)


def _save_rgb_animation(path: Path) -> None:
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)


def _save_cmyk(path: Path) -> None:
    Image.fromarray(RGB).convert("CMYK").save(path, quality=100, subsampling=0)


# file name -> (how it is written, what it must read as, tolerance in grey levels)
KINDS = {
    "rgb.png": (lambda p: Image.fromarray(RGB).save(p), RGB, 0),
    "grey.png": (lambda p: Image.fromarray(GREY).save(p), GREY_RGB, 0),
    "one-bit.png": (
        lambda p: Image.fromarray(GREY > 128).save(p),
        np.where(GREY_RGB > 128, 255, 0),
        0,
    ),
    "palette.png": (lambda p: _palette().save(p), RGB // 64 * 64, 0),
    "clear-palette.png": (_save_clear_palette, _CLEAR_PALETTE, 0),
    "rgba.png": (_save_rgba, ON_WHITE, 1),
    "grey-alpha.png": (
        lambda p: Image.fromarray(np.dstack([GREY, ALPHA])).save(p),
        GREY_ON_WHITE,
        1,
    ),
    "sixteen-bit.png": (
        lambda p: Image.fromarray(GREY.astype(np.uint16) * 257).save(p),
        GREY_RGB,
        0,
    ),
    "sixteen-bit.tif": (
        lambda p: Image.fromarray(GREY.astype(np.uint16) * 257).save(p),
        GREY_RGB,
        0,
    ),
    "float.tif": (lambda p: Image.fromarray(GREY.astype(np.float32)).save(p), GREY_RGB, 0),
    "animated.png": (_save_rgb_animation, RGB, 0),
    "rgb.jpg": (lambda p: Image.fromarray(RGB).save(p, quality=98, subsampling=0), RGB, 8),
    "progressive.jpeg": (
        lambda p: Image.fromarray(RGB).save(p, quality=98, subsampling=0, progressive=True),
        RGB,
        8,
    ),
    "grey.jpg": (lambda p: Image.fromarray(GREY).save(p, quality=98), GREY_RGB, 6),
    "cmyk.jpg": (_save_cmyk, RGB, 8),
    "rgb.bmp": (lambda p: Image.fromarray(RGB).save(p), RGB, 0),
    "animated.gif": (_save_animation, RGB // 64 * 64, 0),
    "rgb.tiff": (lambda p: Image.fromarray(RGB).save(p), RGB, 0),
    "lossless.webp": (lambda p: Image.fromarray(RGB).save(p, lossless=True), RGB, 0),
    "animated.webp": (_save_rgb_animation, RGB, 0),
    "UPPER.PNG": (lambda p: Image.fromarray(RGB).save(p), RGB, 0),
    "übung 画像.png": (lambda p: Image.fromarray(RGB).save(p), RGB, 0),
    "is-a-png.jpg": (lambda p: Image.fromarray(RGB).save(p, format="PNG"), RGB, 0),
    "no-ending": (lambda p: Image.fromarray(RGB).save(p, format="PNG"), RGB, 0),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_read_right(name: str, tmp_path: Path) -> None:
    write, expected, tolerance = KINDS[name]
    write(tmp_path / name)
    pixels = decode(tmp_path / name)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (20, 30, 3)
    np.testing.assert_allclose(pixels.astype(float), expected, atol=tolerance)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_exif_rotations_are_applied(orientation: int, ending: str, tmp_path: Path) -> None:
    # What a camera stores for each orientation: the inverse of what a viewer has to do.
    stored = {
        1: RGB,
        2: RGB[:, ::-1],
        3: RGB[::-1, ::-1],
        4: RGB[::-1],
        5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB),
        7: RGB[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(RGB, -1),
    }[orientation]
    path = tmp_path / f"turned.{ending}"
    Image.fromarray(np.ascontiguousarray(stored)).save(
        path, exif=_exif(orientation), quality=98, subsampling=0
    )
    np.testing.assert_allclose(decode(path).astype(float), RGB, atol=0 if ending == "png" else 12)


@pytest.mark.parametrize("mode", ["crop", "stretch", "pad"])
@pytest.mark.parametrize("colour", ["grey", "rgb"])
def test_training_reads_as_decode_and_resize_do(
    mode: ResizeMode, colour: str, tmp_path: Path
) -> None:
    for split in ("train", "val", "test"):
        for label, start in (("a", 0), ("b", 1)):
            folder = tmp_path / split / label
            folder.mkdir(parents=True)
            for name in list(KINDS)[start::2]:
                KINDS[name][0](folder / name)
            for orientation in range(2, 9):
                path = folder / f"turned{orientation}.jpg"
                Image.fromarray(RGB).save(path, exif=_exif(orientation))
    spec = DataSpec(name=f"folder:{tmp_path}", image_size=(14, 18), resize=mode, colour=colour)
    for cache in ("none", "memory"):
        data = load(spec.model_copy(update={"cache": cache}))
        read = evaluation_batches(data, "test", batch_size=7)
        images = np.concatenate([pixels for pixels, _ in read.as_numpy_iterator()])
        paths = sorted((tmp_path / "test" / "a").iterdir())
        paths += sorted((tmp_path / "test" / "b").iterdir())
        assert len(images) == len(paths) == len(KINDS) + 14
        for pixels, path in zip(images, paths, strict=True):
            np.testing.assert_array_equal(
                pixels, resize(decode(path), data.image_shape, mode), err_msg=path.name
            )


def test_resize_modes() -> None:
    wide = np.zeros((10, 40, 3), np.uint8)
    wide[:, 15:25] = 200  # a bright block in the middle
    cropped = resize(wide, (20, 20, 3), "crop")
    assert cropped[:, 1:-1].min() == 200
    padded = resize(wide, (20, 20, 3), "pad")
    assert padded[:7].max() == 0
    assert padded[-7:].max() == 0
    assert padded[10, 10].tolist() == [200, 200, 200]
    stretched = resize(wide, (20, 20, 3), "stretch")
    assert stretched[:, 10].min() == 200
    assert stretched[:, 0].max() == 0


def test_resize_equals_pillow_within_a_level() -> None:
    image = picture(60, 80)
    ours = resize(image, (24, 32, 3), "stretch").astype(int)
    pillows = np.asarray(Image.fromarray(image).resize((32, 24), Image.Resampling.BILINEAR))
    assert np.abs(ours - pillows).max() <= 1


def test_grey_is_pillows_grey() -> None:
    grey = resize(RGB, (20, 30, 1))[..., 0]
    np.testing.assert_array_equal(grey, np.asarray(Image.fromarray(RGB).convert("L")))


def test_resize_takes_batches() -> None:
    images = np.stack([picture(8, 8, seed) for seed in range(3)])
    one_by_one = [resize(image, (12, 10, 3)) for image in images]
    np.testing.assert_array_equal(resize(images, (12, 10, 3)), one_by_one)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match="gone.png: no such file"):
        decode(tmp_path / "gone.png")
    (tmp_path / "text.png").write_text("this is no image")
    with pytest.raises(UnreadableImageError, match="text.png: is not an image"):
        decode(tmp_path / "text.png")
    for ending in ("png", "jpg", "gif", "tif", "webp", "bmp"):
        whole, cut = tmp_path / f"whole.{ending}", tmp_path / f"cut.{ending}"
        Image.fromarray(picture(64, 64)).save(whole)
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        with pytest.raises(UnreadableImageError, match=f"cut.{ending}: "):
            decode(cut)
