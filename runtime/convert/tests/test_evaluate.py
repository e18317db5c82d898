"""Perplexity and the reference against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer

from lilims_convert import evaluate, vocabulary
from lilims_convert.reference import Reference
from lilims_training import tiny


def reference(source, **changes):
    tensors = {name: changes.get(name, tensor) for name, tensor in source.tensors.items()}
    return Reference(source.architecture, tensors, source.architecture.context, cache="fp32")


def test_a_network_that_knows_nothing_is_as_perplexed_as_its_vocabulary_is_large(tiny_tokenizer):
    source = tiny.make()
    blind = reference(source, **{"token_embd.weight": np.zeros_like(source.tensors["token_embd.weight"])})
    tokenizer = Tokenizer.from_file(str(tiny_tokenizer))
    result = evaluate.perplexity(blind, tokenizer, ["The cat sat.", "The dog said hello."], vocabulary.EOS)
    assert result.perplexity == pytest.approx(source.architecture.vocab, rel=1e-5)
    texts = ["The cat sat.", "The dog said hello."]
    assert result.tokens == sum(len(tokenizer.encode(text, add_special_tokens=False).ids) + 1 for text in texts)


def test_a_text_longer_than_the_context_is_refused(tiny_tokenizer):
    with pytest.raises(ValueError, match="does not fit a context of 64"):
        evaluate.perplexity(reference(tiny.make()), Tokenizer.from_file(str(tiny_tokenizer)), ["x y z " * 60], 2)


def test_an_empty_corpus_is_refused(tiny_tokenizer):
    with pytest.raises(ValueError, match="corpus is empty"):
        evaluate.perplexity(reference(tiny.make()), Tokenizer.from_file(str(tiny_tokenizer)), [], 2)


def test_later_tokens_do_not_change_earlier_logits():
    oracle = reference(tiny.make())
    ids = [1, 70, 80, 90, 100, 110]
    np.testing.assert_allclose(oracle.logits(ids)[:4], oracle.logits(ids[:4]), atol=1e-5)


def test_positions_matter():
    oracle = reference(tiny.make())
    assert np.abs(oracle.logits([5, 6, 7])[-1] - oracle.logits([6, 5, 7])[-1]).max() > 0.1


def test_greedy_takes_the_most_likely_token():
    oracle = reference(tiny.make())
    first, second = oracle.greedy([1, 5], 2)
    assert first == oracle.logits([1, 5])[-1].argmax()
    assert second == oracle.logits([1, 5, first])[-1].argmax()
