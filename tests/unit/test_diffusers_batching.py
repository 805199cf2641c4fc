"""Who is drawn next and how many together, what a checkpoint says of itself, and what a prompt's tags name."""

import json
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.backends.diffusers import tags, wire
from adapters.backends.diffusers.batching import AGEING, ENOUGH, Candidate, Gains, bucket, buckets, choose
from adapters.backends.diffusers.checkpoint import Facts, capabilities, read_facts
from adapters.backends.diffusers.config import PRESETS, DiffusersConfig, always_on, from_plain, preset, to_plain
from bot.model import Range, Size


def plenty(_: Hashable, __: int) -> int:
    return 64


def one(number: int, key: str = "a", *, rows: int = 2, remaining: float = 1.0, waited: float = 0.0) -> Candidate:
    return Candidate(number, key, rows, remaining, waited)


def ids(batch: list[Candidate]) -> list[int]:
    return [candidate.id for candidate in batch]


def test_the_shortest_remaining_work_goes_first() -> None:
    assert ids(choose([one(1, remaining=5), one(2, remaining=1), one(3, remaining=3)], lambda *_: 4)) == [2, 3]


def test_who_has_waited_long_enough_goes_before_shorter_work() -> None:
    patient = one(1, remaining=5, waited=5 / AGEING + 1)
    assert ids(choose([one(2, remaining=1), patient], lambda *_: 2)) == [1]


def test_only_pictures_of_one_key_share_a_call() -> None:
    waiting = [one(1, "a", remaining=2), one(2, "b", remaining=1), one(3, "a", remaining=3), one(4, "b", remaining=9)]
    assert ids(choose(waiting, plenty)) == [2, 4]


def test_a_picture_that_is_larger_than_the_cap_is_drawn_alone() -> None:
    assert ids(choose([one(1), one(2)], lambda *_: 1)) == [1]


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.integers(0, 999),
        st.sampled_from("abc"),
        st.sampled_from([1, 2]),
        st.floats(0, 1e3),
        st.floats(0, 1e3),
    ),
    min_size=1,
    unique_by=lambda candidate: candidate.id,
)


@given(CANDIDATES, st.integers(2, 16))
def test_a_batch_is_never_empty_never_mixed_and_never_over_the_cap(waiting: list[Candidate], cap: int) -> None:
    batch = choose(waiting, lambda *_: cap)
    assert batch
    assert len({candidate.key for candidate in batch}) == 1
    assert sum(candidate.rows for candidate in batch) <= cap
    assert len(set(ids(batch))) == len(batch)


@given(st.integers(1, 200), st.integers(1, 200), st.booleans())
def test_a_bucket_holds_its_rows(most: int, rows: int, few: bool) -> None:
    sizes = buckets(most, few=few)
    assert list(sizes) == sorted(set(sizes))
    assert sizes[-1] == most
    assert bucket(rows, sizes) >= min(rows, most)


def measured(seconds: Callable[[int], float], most: int = 32) -> Gains:
    gains = Gains(buckets(most))
    for rows in buckets(most):
        for _ in range(ENOUGH + 1):
            gains.record("k", rows, seconds(rows))
    return gains


def test_rows_that_cost_nothing_are_all_taken() -> None:
    assert measured(lambda _: 1.0).cap("k", 2) == 32


def test_rows_that_gain_nothing_are_not_shared() -> None:
    assert measured(float).cap("k", 2) == 2
    assert measured(float).cap("k", 1) == 1


def test_the_cap_stops_where_the_gain_does() -> None:
    assert measured(lambda rows: 1.0 if rows <= 8 else rows / 8).cap("k", 2) == 8


def test_an_unmeasured_size_starts_small_and_grows_bucket_by_bucket() -> None:
    gains = Gains(buckets(8))
    seen = []
    for _ in range(4 * (ENOUGH + 1)):
        seen.append(gains.cap("k", 2))
        gains.record("k", seen[-1], 1.0)
    assert seen[0] == 2
    assert sorted(seen) == seen
    assert set(seen) == {2, 4, 6, 8}


def test_the_first_call_of_a_shape_is_not_measured_for_it_may_compile() -> None:
    gains = Gains(buckets(8))
    assert gains.is_new("k", 2)
    gains.record("k", 2, 100.0)
    assert not gains.is_new("k", 2)
    assert gains.row_seconds("k") is None
    gains.record("k", 2, 1.0)
    assert gains.row_seconds("k") == 0.5


def test_a_bucket_that_did_not_pay_is_tried_again_later() -> None:
    gains = measured(float)
    caps = set()
    for _ in range(700):
        rows = gains.cap("k", 2)
        caps.add(rows)
        gains.record("k", rows, 1.0 if rows > 2 else 2.0)
    assert 32 in caps


def test_f35_out_of_memory_halves_the_rows_for_that_size_only() -> None:
    gains = measured(lambda _: 1.0)
    gains.lower("k", 32)
    assert (gains.ceiling("k"), gains.cap("k", 2)) == (16, 16)
    gains.lower("k", 16)
    gains.lower("k", 32)
    assert gains.ceiling("k") == 8
    assert gains.ceiling("other") == 32
    gains.lower("k", 1)
    assert gains.ceiling("k") == 1


def test_thousands_of_sizes_are_not_all_remembered() -> None:
    gains = Gains(buckets(8))
    for number in range(5000):
        gains.record(number, 2, 1.0)
    assert len(gains._shapes) <= 256
    assert gains.is_new(0, 2)
    assert not gains.is_new(4999, 2)


# -- what a checkpoint says of itself
def checkpoint(folder: Path, unet: object, vae: object) -> str:
    for name, content in (("unet", unet), ("vae", vae)):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(content))
    return str(folder)


def test_size_and_step_come_from_the_checkpoint(tmp_path: Path) -> None:
    model = checkpoint(tmp_path, {"sample_size": 16}, {"block_out_channels": [8, 8, 8]})
    facts = read_facts(model)
    assert facts == Facts(64, 4)
    found = capabilities(DiffusersConfig(model), facts)
    assert (found.default_size, found.side_step, found.side) == (Size(64, 64), 4, Range(16, 128))


def test_a_model_of_the_hub_is_found_in_the_local_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--someone--model"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    checkpoint(snapshot, {"sample_size": 64}, {"block_out_channels": [1, 1, 1, 1]})
    assert read_facts("someone/model") == Facts(512, 8)
    assert read_facts("someone/else") is None


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"sample_size": "x"}', "\x00"])
def test_a_damaged_configuration_says_nothing(tmp_path: Path, content: str) -> None:
    model = checkpoint(tmp_path, {}, {"block_out_channels": [8, 8]})
    (tmp_path / "unet" / "config.json").write_text(content)
    assert read_facts(model) is None


def test_listed_sizes_are_the_only_ones_and_the_first_is_the_default() -> None:
    sizes = (Size(64, 64), Size(96, 64))
    found = capabilities(DiffusersConfig("m", sizes=sizes), Facts(64, 8))
    assert (found.sizes, found.default_size) == (sizes, sizes[0])


def test_a_compiled_model_offers_only_what_it_is_compiled_for() -> None:
    assert capabilities(DiffusersConfig("m", compile=True), Facts(64, 8)).sizes == (Size(64, 64),)


def test_f35_sizes_beyond_the_memory_are_no_longer_offered() -> None:
    sizes = (Size(96, 96), Size(64, 64))
    found = capabilities(DiffusersConfig("m", sizes=sizes), Facts(96, 8), 96 * 96 - 1)
    assert (found.sizes, found.default_size) == ((Size(64, 64),), Size(64, 64))
    assert capabilities(DiffusersConfig("m"), Facts(96, 8), 96 * 96 - 1).default_size == Size(88, 88)


@pytest.mark.parametrize(
    ("model", "loras", "steps", "scheduler"),
    [
        ("stabilityai/stable-diffusion-xl-base-1.0", {}, 20, ""),
        ("stabilityai/sdxl-turbo", {}, 4, "euler_a_trailing"),
        ("/models/SDXL-Lightning/", {}, 4, "euler_trailing"),
        ("base", {"fast": "latent-consistency/lcm-lora-sdxl"}, 4, "lcm"),
        ("base", {"ink": "/loras/ink.safetensors"}, 20, ""),
        ("turbocharger/overhyped", {}, 20, ""),
    ],
)
def test_few_step_models_are_known_by_their_names(
    model: str, loras: dict[str, str], steps: int, scheduler: str
) -> None:
    found = preset(DiffusersConfig(model, loras=loras))
    assert (found.steps, found.scheduler) == (steps, scheduler)


def test_a_lora_that_distils_the_model_is_always_on() -> None:
    config = DiffusersConfig("base", loras={"ink": "ink.safetensors", "fast": "x/lcm-lora-sdxl"})
    assert always_on(config) == ("fast",)


def test_a_configuration_survives_the_way_to_the_process() -> None:
    config = DiffusersConfig("m", loras={"a": "b"}, sizes=(Size(1, 2),), compile=True)
    assert from_plain(json.loads(json.dumps(to_plain(config)))) == config


# -- tags
@pytest.mark.parametrize(
    ("prompt", "words", "loras"),
    [
        ("a fox", "a fox", ()),
        ("a fox <lora:ink>", "a fox", (("ink", 1.0),)),
        ("<lora:ink:0.5> a <lora:oil:-1> fox", "a fox", (("ink", 0.5), ("oil", -1.0))),
        ("a <lora:none:1> fox", "a <lora:none:1> fox", ()),
        ("<lora:ink:99>", "", (("ink", 4.0),)),
        ("<lora:ink:1e9> <lora:ink:nan> <lora:ink:٣>", "<lora:ink:1e9> <lora:ink:nan> <lora:ink:٣>", ()),
    ],
)
def test_tags_name_the_configured_loras_only(prompt: str, words: str, loras: tags.Loras) -> None:
    assert tags.split(prompt, {"ink", "oil"}) == (words, loras)


@given(st.text(), st.sets(st.text(max_size=3)))
def test_any_text_can_be_split_and_without_known_names_stays_as_it_is(prompt: str, known: set[str]) -> None:
    tags.split(prompt, known)
    assert tags.split(prompt, ()) == (prompt, ())


# -- frames
JSON = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text(), max_size=4)


@given(st.lists(st.tuples(JSON, st.lists(st.binary(max_size=50), max_size=3)), max_size=4))
def test_frames_arrive_as_they_were_sent(frames: list[tuple[dict[str, object], list[bytes]]]) -> None:
    import io

    stream = io.BytesIO(b"".join(wire.pack(message, blobs) for message, blobs in frames))
    assert [wire.read(stream) for _ in frames] == frames
    with pytest.raises(EOFError):
        wire.read(stream)


@given(st.binary())
def test_any_bytes_are_a_frame_or_an_error_of_the_stream(noise: bytes) -> None:
    import io

    stream = io.BytesIO(noise)
    try:
        while True:
            wire.read(stream)
    except (EOFError, wire.Garbled):
        pass


def test_a_guidance_that_is_configured_takes_the_place_of_the_presets() -> None:
    assert preset(DiffusersConfig("/models/sdxl", guidance=3.0)).guidance == 3.0
    assert preset(DiffusersConfig("/models/sdxl-turbo", guidance=1.5)) == replace(PRESETS["turbo"], guidance=1.5)
