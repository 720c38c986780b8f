"""Encoders of many architectures with random weights and a dozen words, as folders that transformers loads."""

from pathlib import Path
from typing import Any

WORDS = ["disc", "canal", "root", "normal", "mild", "severe", "left", "right", "with", "without", "the", "level"]
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
GPT_2 = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_inner": 64, "n_positions": 40}
KINDS: dict[str, dict[str, Any]] = {
    "bert": {**SIZES, "max_position_embeddings": 40},
    "electra": {**SIZES, "embedding_size": 16, "max_position_embeddings": 40},
    "albert": {**SIZES, "embedding_size": 16, "max_position_embeddings": 40},
    "roberta": {**SIZES, "max_position_embeddings": 42, "type_vocab_size": 1},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "max_position_embeddings": 40},
    "deberta-v2": {**SIZES, "max_position_embeddings": 40, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "modernbert": {**SIZES, "max_position_embeddings": 40, "local_attention": 8},
    "gpt2": GPT_2,
    "llama": {**SIZES, "num_key_value_heads": 2, "max_position_embeddings": 40},
    "qwen3": {**SIZES, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 40},
}
TWO_TYPES = frozenset({"bert", "electra", "albert"})  # they tell the texts of a pair apart
DECODERS = frozenset({"gpt2", "llama", "qwen3"})


def tiny_encoder(folder: Path, kind: str, dtype: str = "float32") -> Path:
    """Write an encoder of a kind and its tokenizer; decoders have no padding token, and a token after each text alone."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokens = {word: number for number, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(tokens, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    names: dict[str, Any] = {"unk_token": "<unk>", "eos_token": "</s>"}
    if kind in DECODERS:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="$A </s>", pair="$A $B </s>", special_tokens=[("</s>", 2)]
        )
    else:
        names |= {"pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>"}
        if kind in TWO_TYPES:
            names |= {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}
        pair = "<s> $A </s> $B:1 </s>:1" if kind in TWO_TYPES else "<s> $A </s> $B </s>"
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair=pair, special_tokens=[("<s>", 0), ("</s>", 2)]
        )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    torch.manual_seed(0)
    ids = {
        "pad_token_id": None if kind in DECODERS else 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "cls_token_id": 0,
        "sep_token_id": 2,
    }
    config = AutoConfig.for_model(kind, vocab_size=len(tokens), **KINDS[kind], **ids)
    AutoModel.from_config(config).to(getattr(torch, dtype)).save_pretrained(folder)
    return folder
