"""Vectors without a provider: word vectors from the wheel `wordllama`, averaged. No network, no key.

The wheel's own loader looks for its tokenizer on the network; here its files are read where pip put them.
Source: WordLlama's README: a text's vector is the mean of its tokens' vectors.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from streams.ai.ports import Embeddings, ProviderFailed
from streams.ai.vectors import unit_vectors

_PACKAGE: Final = "wordllama"
_TOKENIZER: Final = Path("tokenizers", "l2_supercat_tokenizer_config.json")
_WEIGHTS: Final = Path("weights", "l2_supercat_256.safetensors")
_TENSOR: Final = "embedding.weight"


class LocalEmbedder:
    """Implements `Embedder`. Takes no tokens. Its vectors are read at the first call and kept (32 MB)."""

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """In a thread, so that nothing waits. Raises ProviderFailed where the wheel is not installed."""
        return Embeddings(vectors=await asyncio.to_thread(_embedded, list(texts)), tokens=0)


def _embedded(texts: list[str]) -> list[list[float]]:
    tokenizer, weights = _model()
    vectors = []
    for encoded in tokenizer.encode_batch(texts, add_special_tokens=False):
        ids = encoded.ids or [0]
        vectors.append(weights[ids].mean(axis=0, dtype=float).tolist())
    return unit_vectors(vectors)


@cache
def _model() -> tuple[Any, Any]:
    missing = ProviderFailed(
        "the provider local needs the package wordllama: pip install 'questlog[local-embeddings]'", paid=False
    )
    found = importlib.util.find_spec(_PACKAGE)  # looks for it; imports nothing
    if found is None or not found.submodule_search_locations:
        raise missing
    folder = Path(found.submodule_search_locations[0])
    if not (folder / _TOKENIZER).is_file() or not (folder / _WEIGHTS).is_file():
        raise missing
    try:
        from safetensors.numpy import load_file  # noqa: PLC0415 - an optional package
        from tokenizers import Tokenizer  # noqa: PLC0415 - likewise
    except ImportError:
        raise missing from None
    tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer, load_file(str(folder / _WEIGHTS))[_TENSOR]
