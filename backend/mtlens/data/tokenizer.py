"""The tokenizer of an encoder, and the number of tokens that both can take."""

from pathlib import Path
from typing import Any

from mtlens.data.encoder_config import read_encoder_config
from mtlens.errors import EncoderError, reading

UNLIMITED = 10**6
COUNTED_FROM_PADDING = frozenset(
    {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer", "data2vec-text"}
)
_POSITIONS = ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "max_seq_len")


def load_tokenizer(directory: Path) -> Any:
    """Tokenizer of an encoder; EncoderError for one that is absent, has no words or no padding."""
    from transformers import AutoTokenizer

    with reading(EncoderError, f"encoder should come with a tokenizer that loads in {directory}"):
        tokenizer = AutoTokenizer.from_pretrained(str(directory), trust_remote_code=False, local_files_only=True)
    if len(tokenizer) <= len(tokenizer.all_special_ids):  # what transformers makes up where there are no files
        raise EncoderError(f"encoder should come with a tokenizer; found one without words in {directory}")
    if tokenizer.pad_token_id is None:  # of decoders; the mask leaves padding out, so that any token serves
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if tokenizer.pad_token_id is None:
        raise EncoderError(f"tokenizer should have a token for padding, or for the end of a text; found none in {directory}")
    tokenizer.padding_side = "right"
    return tokenizer


def most_tokens(tokenizer: Any, directory: Path) -> int:
    """Tokens that both tokenizer and encoder can take. RoBERTa and its kin count positions from the padding id + 1."""
    config = read_encoder_config(directory)
    named = [(key, config[key]) for key in _POSITIONS if config.get(key)]
    for key, value in named:
        if not isinstance(value, int) or value < 1:
            raise EncoderError(f"{directory / 'config.json'}: {key} should be a number; found {value!r}")
    positions = min((value for _, value in named), default=UNLIMITED)
    if config.get("model_type") in COUNTED_FROM_PADDING:
        positions -= int(tokenizer.pad_token_id) + 1
    return min(positions, int(tokenizer.model_max_length))
