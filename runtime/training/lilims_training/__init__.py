"""The small models of this repository: the story model that ships with it, and the random models of the tests.

    stories     training texts and held-out texts, from a grammar
    network     the Llama-style network in JAX
    optimiser   Muon and Adam
    train       the training loop: seed in, checkpoint and tokenizer out
    sampling    text continued from a prompt, with the numpy reference of lilims_convert
    tiny        random models of a few kilobytes, for the tests in Swift, Python and Go

This package imports lilims_convert (architectures, checkpoints, conversion); lilims_convert does not import this package.
Only `network`, `optimiser` and `train` need JAX.
"""

__version__ = "1.0.0"
