"""LFW's list of pairs, `pairs.txt` (Huang et al. 2007): ten folds, each of so many pairs of one
person, then as many of two.

    10 <tab> 300
    Abel_Pacheco <tab> 1 <tab> 4                      one person, photographs 1 and 4
    Abdel_Madi_Shabneh <tab> 1 <tab> Dean_Barker <tab> 1     two people, a photograph of each

clrface.evaluation.recognise verifies those pairs; a source of photographs may be `listed` by them
(clrface.fetch.sources).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from clrface.errors import UserError

LIST = "pairs.txt"


class Pair(NamedTuple):
    """Two photographs by image_id, as LFW names them: `Abel_Pacheco_0001`."""

    fold: int
    first: str
    second: str
    genuine: bool


def read_pairs(path: Path) -> list[Pair]:
    """The pairs in the file's order.

    Raises: UserError that names the line, for a file that is missing, has another number of lines
    than its first line says, or a line of another form, or of a genuine pair where two people
    should stand, or the other way about.
    """
    try:
        lines = [line.split() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        raise UserError(f"No list of pairs at {path}. Expected LFW's pairs.txt there.") from None
    folds, size = _header(path, lines[0] if lines else [])
    if len(lines) - 1 != 2 * folds * size:
        raise UserError(
            f"{path} has {len(lines) - 1} pairs, but its first line promises {folds} folds of {size} + {size}: {2 * folds * size}. "
            "It is cut short or of another release: get it again."
        )
    return [_pair(path, number, words, *divmod(number - 2, 2 * size), size) for number, words in enumerate(lines[1:], start=2)]


def named_in(pairs: Iterable[Pair]) -> set[str]:
    """Every photograph of some pair."""
    return {image_id for pair in pairs for image_id in (pair.first, pair.second)}


def _header(path: Path, words: list[str]) -> tuple[int, int]:
    if len(words) != 2 or not all(word.isdecimal() and int(word) for word in words):
        raise UserError(f"{path}, line 1: found '{' '.join(words)}', but expected two numbers: folds, and pairs of one kind in each.")
    return int(words[0]), int(words[1])


def _pair(path: Path, number: int, words: list[str], fold: int, place: int, size: int) -> Pair:
    genuine = place < size
    numbers = words[1:] if genuine else words[1::2]
    if len(words) != (3 if genuine else 4) or not all(word.isdecimal() for word in numbers):
        form = "name, number, number (one person)" if genuine else "name, number, name, number (two people)"
        raise UserError(f"{path}, line {number}: found '{' '.join(words)}', but expected {form}. Get the file again.")
    first, second = (words[0], words[0]) if genuine else (words[0], words[2])
    if not genuine and first == second:
        raise UserError(f"{path}, line {number}: found '{first}' twice, but expected two people. Get the file again.")
    return Pair(fold, f"{first}_{int(numbers[0]):04d}", f"{second}_{int(numbers[1]):04d}", genuine)
