"""Simple children's stories from a grammar: the training text of the small model that ships with the repository.

    lexicon     the words that fill a story's slots: characters, places, things, and events that belong together
    plots.txt   the plots: beats in order, each with several alternative sentences
    grammar     reads plots.txt and rejects what does not fit the lexicon
    generator   seed -> stories; training and held-out stories are separate by construction
    exercises   seed -> short texts that repeat two names, to learn copying from

The same seed gives the same texts, and no text comes from elsewhere.
"""

from .exercises import exercises
from .generator import Story, generate

__all__ = ["Story", "exercises", "generate"]
