"""What is done to pixels, on bytes as they really come: cut off, lying, hostile."""

import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from adapters.images import contact_sheet, decode, fit, reencode, sniff, thumbnail
from adapters.images.pixels import parameters
from bot.errors import DeliveryError, Down


def encoded(kind: str, size: tuple[int, int] = (40, 30), *, mode: str = "RGB", **options: object) -> bytes:
    out = BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(out, kind, **options)
    return out.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_header(width: int, height: int, *more: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_three_formats_are_recognised_and_decoded_at_their_size(kind: str) -> None:
    data = encoded(kind)
    assert sniff(data) == kind
    assert decode(data).size == (40, 30)


@pytest.mark.parametrize(
    "answer",
    [b"", b"<!DOCTYPE html><title>502</title>", b'{"error": "no"}', b"\x00" * 64, b"RIFF\x10\x00\x00\x00WAVEfmt "],
    ids=["empty", "html", "json", "zeros", "wave"],
)
def test_s14_an_answer_that_is_no_picture_is_down_and_maybe_charged(answer: bytes) -> None:
    with pytest.raises(Down) as caught:
        decode(answer)
    assert caught.value.maybe_charged


def test_s14_the_log_gets_the_beginning_of_the_answer_and_no_more() -> None:
    with pytest.raises(Down) as caught:
        decode(b"<html>overloaded" + b"x" * 5000)
    assert "overloaded" in caught.value.detail
    assert len(caught.value.detail) <= 400


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "BMP", "ICO", "PPM", "PDF", "TGA", "AVIF"])
def test_s15_every_other_format_is_refused_whatever_its_name(kind: str) -> None:
    with pytest.raises(Down):
        decode(encoded(kind))


def test_s15_an_svg_and_a_photoshop_file_are_refused() -> None:
    for data in (b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"8BPS\x00\x01" + bytes(40)):
        with pytest.raises(Down):
            decode(data)


def test_s15_magic_bytes_of_one_format_before_another_open_nothing() -> None:
    with pytest.raises(Down):
        decode(b"\x89PNG\r\n\x1a\n" + encoded("TIFF"))


@pytest.mark.parametrize("side", [60000, 10000, 4097])
def test_s16_a_header_that_promises_too_many_pixels_is_refused_before_they_are_read(side: int) -> None:
    with pytest.raises(Down):
        decode(png_header(side, side, chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")))


def test_s16_the_limit_is_an_error_one_pixel_over_it_and_none_at_it() -> None:
    assert decode(encoded("PNG", (40, 30)), max_pixels=1200).size == (40, 30)
    with pytest.raises(Down, match="1199"):
        decode(encoded("PNG", (40, 30)), max_pixels=1199)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_s16_an_animation_is_refused(kind: str) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green")]
    out = BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    with pytest.raises(Down, match="frame"):
        decode(out.getvalue())


def test_s16_a_text_chunk_that_unpacks_to_200_megabytes_is_refused() -> None:
    bomb = chunk(b"zTXt", b"comment\x00\x00" + zlib.compress(bytes(200_000_000), 9))
    good = encoded("PNG")
    with pytest.raises(Down):
        decode(good[:33] + bomb + good[33:])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_s17_a_cut_off_picture_is_refused(kind: str, part: float) -> None:
    out = BytesIO()
    Image.effect_noise((200, 150), 80).convert("RGB").save(out, kind)
    data = out.getvalue()
    with pytest.raises(Down):
        decode(data[: int(len(data) * part)])


@given(st.data())
def test_s17_a_png_with_one_flipped_bit_is_refused_or_shows_the_same(data: st.DataObject) -> None:
    good = encoded("PNG")
    place = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        image = decode(bytes(bad))
    except Down:
        return
    assert image.tobytes() == decode(good).tobytes()


@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.binary(max_size=200), st.integers(0, 400))
def test_s17_noise_in_a_picture_raises_down_and_nothing_else(kind: str, noise: bytes, at: int) -> None:
    good = encoded(kind)
    try:
        image = decode(good[:at] + noise + good[at + len(noise) :], max_pixels=100_000)
    except Down:
        return
    assert image.width * image.height <= 100_000


def test_s18_a_polyglot_loses_everything_but_its_pixels() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "canary-text")
    exif = Image.Exif()
    exif[0x010E] = "canary-exif"
    out = BytesIO()
    source = Image.linear_gradient("L").convert("RGB")
    source.save(out, "PNG", pnginfo=info, exif=exif, icc_profile=b"canary-profile", dpi=(72, 72))
    clean = reencode(decode(out.getvalue() + b"PK\x03\x04canary-zip"))
    assert b"canary" not in clean
    assert b"PK\x03\x04" not in clean
    names = [name for name in (b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"iCCP", b"pHYs") if name in clean]
    assert names == []
    assert decode(clean).tobytes() == source.tobytes()


def test_s18_metadata_is_written_in_the_convention_of_image_tools_and_holds_named_settings_only() -> None:
    settings = {
        "prompt": "a fox\nSteps: 99",
        "negative_prompt": "blur",
        "steps": "20",
        "guidance": "7.5",
        "seed": "42",
        "size": "40x30",
        "backend": "local",
        "person": "canary-person",
        "key": "canary-key",
        "path": "/canary/path",
    }
    clean = reencode(decode(encoded("JPEG")), settings)
    assert b"canary" not in clean
    with Image.open(BytesIO(clean)) as image:
        assert image.info == {
            "parameters": "a fox Steps: 99\nNegative prompt: blur\n"
            "Steps: 20, CFG scale: 7.5, Seed: 42, Size: 40x30, Model: local"
        }


@given(st.text(), st.text())
def test_s18_no_prompt_can_write_a_second_line_of_metadata(prompt: str, negative: str) -> None:
    text = parameters({"prompt": prompt, "negative_prompt": negative, "seed": "1"})
    assert len(text.splitlines()) <= 3
    assert text.splitlines()[-1] == "Seed: 1"


def test_metadata_in_another_script_survives() -> None:
    with Image.open(BytesIO(reencode(decode(encoded("PNG")), {"prompt": "лиса 🦊"}))) as image:
        assert image.info["parameters"] == "лиса 🦊"


def test_sixteen_bit_and_palette_and_cmyk_pictures_become_plain_ones() -> None:
    deep = BytesIO()
    Image.new("I;16", (8, 8), 65535).save(deep, "PNG")
    assert decode(deep.getvalue()).getpixel((0, 0)) == (255, 255, 255)
    assert decode(encoded("PNG", mode="P")).mode == "RGB"
    assert decode(encoded("JPEG", mode="CMYK")).mode == "RGB"


def test_transparency_is_kept_where_there_is_some() -> None:
    out = BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 128)).save(out, "PNG")
    assert decode(out.getvalue()).getpixel((0, 0)) == (255, 0, 0, 128)
    out = BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 255)).save(out, "PNG")
    assert decode(out.getvalue()).mode == "RGB"


def test_a_picture_turned_by_its_exif_is_shown_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(encoded("JPEG", (40, 30), exif=exif)).size == (30, 40)


def test_a_picture_under_the_limit_is_left_alone() -> None:
    data = encoded("PNG")
    assert fit(data, len(data)) == (data, "image/png", False)


@pytest.mark.parametrize(("limit", "kind"), [(30_000, "image/webp"), (13_000, "image/jpeg")])
def test_f48_a_picture_over_the_limit_goes_down_the_ladder_in_full_size(limit: int, kind: str) -> None:
    noise = Image.effect_noise((200, 150), 60).convert("RGB")
    data, media_type, changed = fit(reencode(noise), limit)
    assert changed
    assert len(data) <= limit
    assert decode(data).size == (200, 150)
    assert media_type == kind


def test_f48_a_limit_that_no_rung_meets_is_a_delivery_error() -> None:
    with pytest.raises(DeliveryError):
        fit(encoded("PNG"), 50)


def test_f48_a_strip_too_long_for_webp_becomes_jpeg() -> None:
    strip = Image.effect_noise((17_000, 20), 60).convert("RGB")
    _, media_type, _ = fit(reencode(strip), 300_000)
    assert media_type == "image/jpeg"


def test_a_thumbnail_fits_its_square_and_is_never_enlarged() -> None:
    assert decode(thumbnail(decode(encoded("PNG", (400, 200))), 100)).size == (100, 50)
    assert decode(thumbnail(decode(encoded("PNG", (40, 20))), 100)).size == (40, 20)


@given(st.integers(1, 10))
def test_a_contact_sheet_has_room_for_every_picture(count: int) -> None:
    sheet = decode(contact_sheet([Image.new("RGB", (30, 30), "white")] * count, cell=32))
    white = sheet.convert("L").point(lambda value: 255 if value > 200 else 0).histogram()[255]
    assert abs(white - count * 32 * 32) < count * 200
