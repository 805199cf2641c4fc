"""Prompts to embeddings, as the pipelines do it, except that a long prompt is not cut off.

A text of more tokens than the encoder's context is encoded in chunks, each framed like a prompt of its own, and the
chunks are concatenated. How many tokens a chunk holds is the tokenizer's business.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

CACHED = 256  #: prompts, at most; 77 tokens of SDXL are 0.3 MB in half precision


@dataclass(frozen=True)
class Embedding:
    """``hidden`` is (1, tokens, width); ``pooled`` (1, width) only where the checkpoint has such an encoder."""

    hidden: torch.Tensor
    pooled: torch.Tensor | None

    def zeros(self) -> "Embedding":
        return Embedding(
            torch.zeros_like(self.hidden), None if self.pooled is None else torch.zeros_like(self.pooled)
        )


def chunks(text: str, tokenizer: Any) -> list[list[int]]:
    """Token ids, each list framed and padded to the tokenizer's length; one for an empty text."""
    length: int = tokenizer.model_max_length
    room = length - 2
    ids = tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids
    framed = []
    for start in range(0, max(len(ids), 1), room):
        one = [tokenizer.bos_token_id, *ids[start : start + room], tokenizer.eos_token_id]
        framed.append(one + [tokenizer.pad_token_id] * (length - len(one)))
    return framed


class Encoder:
    """Encodes with one checkpoint's text encoders, and remembers the latest prompts."""

    def __init__(
        self, tokenizers: Sequence[Any], models: Sequence[Any], device: torch.device, *, penultimate: bool
    ) -> None:
        """``penultimate``: SDXL takes the last layer but one, the older format the last."""
        self._pairs = [(t, m) for t, m in zip(tokenizers, models, strict=True) if t is not None and m is not None]
        self._device = device
        self._penultimate = penultimate
        self._cache: OrderedDict[Hashable, Embedding] = OrderedDict()

    def encode(self, text: str, loras: Hashable = ()) -> Embedding:
        """``loras`` only tells apart what the models were told to be; it is set elsewhere."""
        key = (text, loras)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        made = self._encode(text)
        self._cache[key] = made
        if len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return made

    def forget(self) -> None:
        self._cache.clear()

    def _encode(self, text: str) -> Embedding:
        ids = [chunks(text, tokenizer) for tokenizer, _ in self._pairs]
        count = max(len(one) for one in ids)
        hidden, pooled = [], None
        for (tokenizer, model), mine in zip(self._pairs, ids, strict=True):
            padded = mine + chunks("", tokenizer) * (count - len(mine))
            outs = [self._run(model, chunk) for chunk in padded]
            hidden.append(torch.cat([out.hidden_states[-2] if self._penultimate else out[0] for out in outs], dim=1))
            if outs[0][0].ndim == 2:
                pooled = outs[0][0]
        return Embedding(torch.cat(hidden, dim=-1), pooled)

    def _run(self, model: Any, chunk: list[int]) -> Any:
        ids = torch.tensor([chunk], device=self._device)
        return model(ids, output_hidden_states=self._penultimate)
