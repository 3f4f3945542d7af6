"""What the end-to-end tests' models learn: which animal makes which sound."""

from __future__ import annotations

from trueup.model import Payload
from trueup.usecases.import_labels import ImportedLabel

SOUNDS = {"cat": ("purrs", "meows", "hisses"), "dog": ("barks", "growls", "howls"), "fox": ("yelps", "gekkers", "yaps")}


def labels(each: int) -> list[ImportedLabel]:
    """So many different texts of each class."""
    return [
        ImportedLabel(payload=Payload(data=sentence(word, number), content_type="text/plain"), label=name)
        for name, words in SOUNDS.items()
        for number in range(each)
        for word in (words[number % 3],)
    ]


def sentence(word: str, number: int) -> bytes:
    return f"it {word} {number}".encode()
