"""Short texts that mostly repeat two names, from which a small network learns to copy.

In a story one word in sixteen is a name, too few for a network of this size to learn to look back for it: after a million
tokens of stories alone, the loss on names was still that of guessing. In these texts one word in three is a name, and
what the network learns here carries over to the stories.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from .lexicon import BOYS, GIRLS

SENTENCES = 14  # per text, after the one that introduces the first character
_OPENING = "Once upon a time, there was {a}."
_TELLING = (
    "{a} saw {b}.",
    "{b} said hello to {a}.",
    "{a} and {b} played.",
    "{a} asked {b}.",
    "{b} smiled at {a}.",
    "{a} ran to {b}.",
    '"Look, {a}!" said {b}.',
    "{a} was happy.",
    "{b} hugged {a}.",
    "Then {a} laughed.",
)


def exercises(seed: int) -> Iterator[str]:
    """An endless sequence of texts; the same seed gives the same texts."""
    chance = random.Random(seed)
    while True:
        one, other = chance.sample(GIRLS + BOYS, 2)
        sentences = [_OPENING.format(a=one)]
        for _ in range(SENTENCES):
            a, b = chance.choice(((one, other), (other, one)))
            sentences.append(chance.choice(_TELLING).format(a=a, b=b))
        yield " ".join(sentences)
