"""SentencePiece vocabularies of GGUF files agree with SentencePiece itself."""

from __future__ import annotations

import io
import json

import pytest
import sentencepiece
from tokenizers import Tokenizer

from lilims_convert import golden_tokenizer, tokenizers_gguf
from lilims_convert.sources import SourceError
from test_tokenizers import texts

PREFIX = "tokenizer.ggml."


def train(add_prefix: bool) -> sentencepiece.SentencePieceProcessor:
    """A small vocabulary as in Llama 2 (a space before every text) or Gemma (none, and runs of white space are tokens)."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(golden_tokenizer.PROSE * 5),
        model_writer=written,
        model_type="bpe",
        vocab_size=430,
        hard_vocab_limit=False,
        byte_fallback=True,
        normalization_rule_name="identity",
        add_dummy_prefix=add_prefix,
        remove_extra_whitespaces=False,
        split_digits=True,
        user_defined_symbols=[] if add_prefix else ["\n", "\n\n", "\n\n\n", "▁▁", "▁▁▁"],
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())


def metadata(pieces: sentencepiece.SentencePieceProcessor, add_prefix: bool) -> dict:
    """The metadata that llama.cpp's converter writes for such a model; user-defined tokens contain plain spaces."""
    count = range(pieces.vocab_size())

    def kind(number: int) -> int:
        if pieces.is_unknown(number):
            return 2
        if pieces.is_control(number):
            return 3
        if pieces.is_byte(number):
            return 6
        return 4 if number < 3 + 5 and not add_prefix else 1

    types = [kind(number) for number in count]
    names = [pieces.id_to_piece(number) for number in count]
    return {
        PREFIX + "model": "llama",
        PREFIX + "tokens": [name.replace("▁", " ") if kind == 4 else name for name, kind in zip(names, types, strict=True)],
        PREFIX + "scores": [float(pieces.get_score(number)) for number in count],
        PREFIX + "token_type": types,
        PREFIX + "unknown_token_id": pieces.unk_id(),
        PREFIX + "bos_token_id": pieces.bos_id(),
        PREFIX + "eos_token_id": pieces.eos_id(),
        PREFIX + "add_space_prefix": add_prefix,
    }


@pytest.mark.parametrize("add_prefix", [True, False], ids=["as Llama 2", "as Gemma"])
def test_ids_are_sentencepieces(add_prefix):
    pieces = train(add_prefix)
    tokenizer = Tokenizer.from_str(json.dumps(tokenizers_gguf.convert(metadata(pieces, add_prefix))))
    # Control tokens in a text are text to SentencePiece, but tokens to other tokenizers.
    inputs = [text for text in texts(2000, seed=3) if not any(mark in text for mark in ("<s>", "</s>", "<unk>", "<0x"))]
    if add_prefix:  # only one of the two adds a space before a text that starts with a mark
        inputs = [text for text in inputs if not text.startswith(("▁", " "))]
    for text in inputs:
        wanted = pieces.encode(text)
        assert tokenizer.encode(text, add_special_tokens=False).ids == wanted, f"{text!r}: {[pieces.id_to_piece(i) for i in wanted]}"


def test_text_comes_back(tmp_path):
    pieces = train(True)
    tokenizer = Tokenizer.from_str(json.dumps(tokenizers_gguf.convert(metadata(pieces, True))))
    for text in ("Once upon a time", "naïve 🙂 世", " two  spaces "):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_a_vocabulary_without_scores_is_refused():
    content = metadata(train(True), True)
    content[PREFIX + "scores"] = [0.0]
    with pytest.raises(SourceError, match="scores must have a number for each of the 4"):
        tokenizers_gguf.convert(content)
