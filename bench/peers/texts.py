"""Texts of a given size, different for each call, the same in every run."""

import random

WORDS = (
    "agent plan meeting Tuesday budget deploy error retry customer invoice photo garden recipe train "
    "Berlin schedule review draft token memory search answer question project release garage violin "
    "doctor ticket hotel weather summary"
).split()


def maker(caller: int, size: int):
    """A function that gives the text of the caller's call number n, `size` bytes of ASCII."""
    chooser = random.Random(caller)
    filler = " ".join(chooser.choice(WORDS) for _ in range(size // 4 + 1))

    def text(call: int) -> str:
        return f"message {caller}-{call} {filler}"[:size]

    return text
