"""The tokenizer's files: byte pair merges made from the model's own few words, each of which becomes one token."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from transformers import CLIPTokenizer

from adapters.backends.diffusers.demo import recipe

START = "<|startoftext|>"
END = "<|endoftext|>"
WORD_END = "</w>"
Pair = tuple[str, str]


def byte_symbols() -> list[str]:
    """The 256 printable characters that byte-level encoders write bytes as, in GPT-2's order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def merges_for(words: Iterable[str]) -> list[Pair]:
    """Byte pair encoding trained until every word is one token. The most frequent pair first, ties by alphabet."""
    spelled = [(*word[:-1], word[-1] + WORD_END) for word in sorted(set(words))]
    merges: list[Pair] = []
    while True:
        counts = Counter(pair for symbols in spelled for pair in pairwise(symbols))
        if not counts:
            return merges
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        spelled = [_merged(symbols, best) for symbols in spelled]


def _merged(symbols: tuple[str, ...], pair: Pair) -> tuple[str, ...]:
    out: list[str] = []
    for symbol in symbols:
        if out and (out[-1], symbol) == pair:
            out[-1] += symbol
        else:
            out.append(symbol)
    return tuple(out)


def build_tokenizer(words: Iterable[str]) -> CLIPTokenizer:
    letters = byte_symbols()
    merges = merges_for(words)
    symbols = [*letters, *(letter + WORD_END for letter in letters), *(a + b for a, b in merges), START, END]
    vocabulary = {symbol: number for number, symbol in enumerate(dict.fromkeys(symbols))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=recipe.TOKENS)
