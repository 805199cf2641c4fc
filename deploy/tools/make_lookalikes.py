"""Writes bot/moderation/lookalikes.py from Unicode's table of confusable characters.

Usage: python deploy/tools/make_lookalikes.py confusables.json > bot/moderation/lookalikes.py

The input is the file of that name in the package confusable_homoglyphs (3.3.1, MIT): Unicode's confusables.txt as a
mapping from each string to those it is confusable with. Kept are single characters that compatibility normalisation
does not already turn into ASCII, and that look like a letter or digit of ASCII.
"""

import json
import sys
import unicodedata
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from pathlib import Path

#: What the table does not link to ASCII: small capitals, Greek by shape.
SHAPES = {
    "a": "ᴀα", "b": "ʙβ", "c": "ᴄ", "d": "ᴅ", "e": "ᴇεєэ", "f": "ꜰ", "g": "ɢ", "h": "ʜ", "i": "ɪι", "j": "ᴊ",
    "k": "ᴋĸκ", "l": "ʟ", "m": "ᴍʍ", "n": "ɴᴎη", "o": "ᴏ", "p": "ᴘ", "q": "ꞯ", "r": "ʀᴙ", "s": "ꜱς", "t": "ᴛτ",
    "u": "ᴜ", "v": "ᴠ", "w": "ᴡω", "x": "χ", "y": "ʏ", "z": "ᴢζ",
}  # fmt: skip
ENCLOSED_STARTS = (0x1F150, 0x1F170, 0x1F1E6)  #: letters: negative circled, negative squared, regional indicators

HEADER = '''"""Characters that look like an ASCII letter or digit. Written
by deploy/tools/make_lookalikes.py: do not edit.

Data derived from confusables.txt of Unicode's Technical Standard 39, by way of confusable_homoglyphs 3.3.1 (MIT,
copyright Victor Felder). Copyright (c) 1991-2024 Unicode, Inc.; the licence is in LICENSE-UNICODE.txt beside this file.
"""

'''


def bare(text: str) -> str:
    """Without combining marks."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")


def edges(table: Mapping[str, list[dict[str, str]]]) -> Iterator[tuple[str, str]]:
    for source, targets in table.items():
        for target in targets:
            pair = source.strip("\u200e"), bare(target["c"].strip("\u200e"))
            if len(pair[0]) == 1 and len(pair[1]) == 1:
                yield pair
    for letter, shapes in SHAPES.items():
        for shape in shapes:
            yield shape, letter


def nearest_ascii(pairs: Iterator[tuple[str, str]]) -> Mapping[str, str]:
    """The ASCII letter or digit that the fewest steps of likeness lead to, for every character that has one."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        neighbours[one].add(other)
        neighbours[other].add(one)
    nearest = {c: c for c in sorted(neighbours) if c.isascii() and c.isalnum()}
    queue = deque(nearest)
    while queue:
        character = queue.popleft()
        for other in sorted(neighbours[character] - nearest.keys()):
            nearest[other] = nearest[character]
            queue.append(other)
    return nearest


def letter_for(character: str, likeness: str) -> str:
    """In the bar-shaped class (l, I, 1) a capital stands for i, a small letter for l, the rest is undecided: 1."""
    if likeness in {"l", "I", "1"}:
        return {"Lu": "i", "Ll": "l"}.get(unicodedata.category(character), "1")
    return "o" if likeness == "0" else likeness.casefold()


def lookalikes(table: Mapping[str, list[dict[str, str]]]) -> Mapping[str, str]:
    result: dict[str, str] = {}
    for character, likeness in nearest_ascii(edges(table)).items():
        if not character.isascii() and unicodedata.normalize("NFKC", character) == character:
            result[character] = letter_for(character, likeness)
    for codepoint in range(0x80, 0x20000):
        capital = chr(codepoint)
        small = capital.casefold()
        if capital not in result and small != capital and small in result:
            result[capital] = result[small]
    enclosed = {chr(start + i): chr(ord("a") + i) for start in ENCLOSED_STARTS for i in range(26)}
    return result | enclosed


def main() -> None:
    table = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    by_letter: dict[str, list[str]] = defaultdict(list)
    for character, letter in lookalikes(table).items():
        by_letter[letter].append(character)
    sys.stdout.write(HEADER + "LOOKALIKES = {\n")
    for letter in sorted(by_letter):
        codes = [f"{ord(character):x}" for character in sorted(by_letter[letter])]
        sys.stdout.write(f'    "{letter}": (\n')
        for start in range(0, len(codes), 16):
            sys.stdout.write(f'        "{" ".join(codes[start : start + 16])} "\n')
        sys.stdout.write("    ),\n")
    sys.stdout.write("}\n")


if __name__ == "__main__":
    main()
