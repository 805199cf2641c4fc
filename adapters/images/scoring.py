"""The picture check's process: `python -m adapters.images.scoring FOLDER`, started by classifier.py and nobody else.

It loads the model, says so, and answers one picture after the other with a score for each label. It ends when its input
does, so it never outlives the bot; a library that hangs cannot stop that, for reading has its own thread.
"""

import io
import json
import os
import queue
import resource
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from adapters.images.frames import heard, packed

HALF = (0.5, 0.5, 0.5)
Scorer = Callable[[bytes], Mapping[str, float]]


def load(folder: Path) -> Scorer:
    """Raises OSError, ValueError or ImportError where the folder holds no such model or the extra is missing."""
    import torch
    from transformers import AutoModelForImageClassification

    torch.set_num_threads(1)
    model: Any = AutoModelForImageClassification.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    model.eval()
    said = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    width, height = _size(said.get("size", {}))
    mean, deviation = (torch.tensor(said.get(name, HALF)).view(3, 1, 1) for name in ("image_mean", "image_std"))

    def score(image: bytes) -> Mapping[str, float]:
        with Image.open(io.BytesIO(image)) as opened:
            small = opened.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        pixels = torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8).view(height, width, 3)
        values = (pixels.permute(2, 0, 1).float() / 255 - mean) / deviation
        with torch.inference_mode():
            logits = model(pixel_values=values.unsqueeze(0)).logits[0]
        # Several labels at once are what a model says it was trained for; otherwise one of them is right.
        several = model.config.problem_type == "multi_label_classification"
        shares = torch.sigmoid(logits) if several else torch.softmax(logits, dim=0)
        return {model.config.id2label[index]: float(share) for index, share in enumerate(shares)}

    return score


def _size(said: int | Mapping[str, int]) -> tuple[int, int]:
    """Width and height that the model looks at."""
    if isinstance(said, int):
        return said, said
    edge = said.get("shortest_edge", 224)
    return said.get("width", edge), said.get("height", edge)


def serve(folder: Path, asked: "queue.SimpleQueue[bytes]", out: BinaryIO) -> None:
    """Until the process ends. What goes wrong is an answer, so that the bot's log has it."""
    score = _told(out, lambda: load(folder), lambda _: {"ready": True})
    if score is None:
        os._exit(1)
    while True:
        image = asked.get()
        _told(out, lambda image=image: score(image), lambda scores: {"scores": dict(scores)})  # type: ignore[misc] # bound now


def _told(out: BinaryIO, work: Callable[[], Any], say: Callable[[Any], Mapping[str, Any]]) -> Any:
    done, answer = None, {}
    try:
        done = work()
        answer = dict(say(done))
    except Exception as error:  # noqa: BLE001 - the bot holds the picture, whatever it was
        answer = {"error": repr(error)[:500]}
    try:
        out.write(packed(answer, []))
        out.flush()
    except OSError:
        os._exit(0)  # nobody listens any more
    return done


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the bot, which closes our input when it is ready
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not look like a frame
    asked: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=serve, args=(Path(sys.argv[1]), asked, out), daemon=True).start()
    with suppress(OSError, ValueError, LookupError):
        while (frame := heard(sys.stdin.buffer)) is not None:
            asked.put(frame.blobs[0])
    os._exit(0)


if __name__ == "__main__":
    main()
