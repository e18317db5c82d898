"""Simple children's stories from a grammar of our own: the text that the shipped small model learns.

    lexicon     the words that fill a story's slots: characters, places, things, troubles that belong together
    plots.txt   the plots: beats in order, each with several ways of telling it
    grammar     reads plots.txt and refuses what does not fit the lexicon
    generator   seed -> stories; keeps the held-out ones apart by construction
    exercises   seed -> short texts that repeat two names, to learn copying from

Nothing here is random but the seed, and no text comes from anywhere else.
"""

from .exercises import exercises
from .generator import Story, generate

__all__ = ["Story", "exercises", "generate"]
