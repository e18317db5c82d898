"""Training of byte-level BPE vocabularies as a tokenizer.json in Hugging Face's format.

Ids 0, 1 and 2 are padding, beginning and end of text; then follow the 256 bytes, then merges in the order of training.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

PAD, BOS, EOS = 0, 1, 2
SPECIAL = ["<pad>", "<s>", "</s>"]


def train(texts: Iterable[str], size: int) -> Tokenizer:
    """Learns merges from `texts` until the vocabulary has `size` entries."""
    tokenizer = Tokenizer(models.BPE())
    # GPT-2's splitting pattern. No space is added before a text, so decoding returns the original text.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{SPECIAL[BOS]} $A", pair=f"{SPECIAL[BOS]} $A $B", special_tokens=[(SPECIAL[BOS], BOS)]
    )
    return tokenizer
