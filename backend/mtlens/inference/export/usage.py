"""The part of a model card that says how to use the models without mtlens: code that a test runs unchanged."""

from collections.abc import Iterator
from pathlib import Path

from mtlens.data.encoders import stored_in_bfloat16
from mtlens.inference.model.adapter import BASE
from mtlens.inference.model.family_config import FamilyConfig, MemberConfig
from mtlens.tasks import kind_of

_PIPELINE = """\
`{folder}` is an ordinary `transformers` folder, and gives the calibrated probabilities that mtlens gives:

```python
from transformers import pipeline

classify = pipeline("text-classification", model="{folder}", top_k=None, dtype="float32")
print(classify({texts}, truncation=True))
```
"""
_TOKENS = """\
`{folder}` is an ordinary `transformers` folder, and gives for each token the probabilities that mtlens gives; those of a word
are those of its first token:

```python
from transformers import pipeline

tag = pipeline("token-classification", model="{folder}", aggregation_strategy="first", dtype="float32")
print(tag("The disc is bulging."))
```
"""
_HEADS = "`{folder}` is an encoder that `AutoModel` loads, with a linear head per task in `heads.safetensors`:"
_ADAPTER = (
    "`{folder}` holds low-rank adapters of the encoder in `{base}`, as `peft` loads them, with a linear head per task in "
    "`heads.safetensors`:"
)
_IMPORTS = """\
import json
from pathlib import Path
import torch"""
_MORE_IMPORTS = """\
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer
config, tokenizer = json.loads(Path("config.json").read_text()), AutoTokenizer.from_pretrained("tokenizer")"""
_ENCODER = 'encoder = AutoModel.from_pretrained("{folder}", dtype=torch.{dtype}, attn_implementation="eager").eval()'
_ADAPTED = 'encoder = PeftModel.from_pretrained(encoder, "{folder}").eval()'
_READ = """\
batch = tokenizer({texts}, truncation=True, max_length=config["max_length"], padding=True, return_tensors="pt")
hidden, mask = encoder(**batch).last_hidden_state.detach().float(), batch["attention_mask"]"""
_POOLING = {
    "mean": "pooled = (hidden * mask.unsqueeze(-1)).sum(dim=1) / mask.unsqueeze(-1).sum(dim=1)",
    "cls": "pooled = hidden[:, 0]",
    "last": "pooled = hidden[torch.arange(len(hidden)), mask.sum(dim=1) - 1]",
}
_PADDING = 'tokenizer.pad_token, tokenizer.padding_side = tokenizer.pad_token or tokenizer.eos_token, "right"'
_TASKS = """\
for task in config["tasks"]:
    if (name := task["name"]) + ".weight" in heads:
        outputs = torch.nn.functional.linear({seen}, heads[name + ".weight"].float(), heads[name + ".bias"].float())"""
_PRINT = '        print(name, outputs.tolist(), task["classes"])'
_LONG = "Of a text of more than `max_length` tokens this code reads the first ones, and mtlens others too (`long_texts`).\n"


def usage(config: FamilyConfig, folder: Path) -> str:
    """The chapter, with one block of code for each member, to be run in `folder`, the family's folder."""
    needed = ["torch", "transformers", *(["peft"] if any(member.layout == "adapter" for member in config.members) else [])]
    parts = "\n".join(_of_member(config, member, folder) for member in config.members)
    more = "" if config.long_texts == "head" else f"\n{_LONG}"
    return f"\n## Without mtlens\n\nIn the folder of this file, with {' and '.join(needed)}:\n\n{parts}{more}"


def _of_member(config: FamilyConfig, member: MemberConfig, folder: Path) -> str:
    if member.layout == "token classifier":
        return _TOKENS.format(folder=member.folder)
    if member.layout == "classifier":
        texts = '{"text": "The disc is bulging.", "text_pair": "It is normal."}' if config.pairs else '"The disc is bulging."'
        return _PIPELINE.format(folder=member.folder, texts=texts)
    about = (_ADAPTER if member.layout == "adapter" else _HEADS).format(folder=member.folder, base=BASE)
    return "\n".join([about, "\n```python", *_lines(config, member, folder), "```\n"])


def _lines(config: FamilyConfig, member: MemberConfig, folder: Path) -> Iterator[str]:
    is_adapter = member.layout == "adapter"
    dtype = "bfloat16" if is_adapter and stored_in_bfloat16(folder / BASE) else "float32"
    yield _IMPORTS
    if is_adapter:
        yield "from peft import PeftModel"
    yield _MORE_IMPORTS
    yield _ENCODER.format(folder=BASE if is_adapter else member.folder, dtype=dtype)
    if is_adapter:
        yield _ADAPTED.format(folder=member.folder)
    yield f'heads = load_file("{member.folder}/heads.safetensors")'
    if config.pooling == "last":
        yield _PADDING
    yield _READ.format(texts='["The disc is bulging."]' + (', ["It is normal."]' if config.pairs else ""))
    yield _POOLING[config.pooling]
    yield _TASKS.replace("{seen}", _seen(config, member))
    yield from _of_kinds(config, member)
    yield _PRINT


def _seen(config: FamilyConfig, member: MemberConfig) -> str:
    """What the heads read: the pooled state of a text, or the state of each token."""
    of_tokens = {task.kind: kind_of(task).reads_tokens for task in config.tasks if task.name in member.tasks}
    if len(set(of_tokens.values())) == 1:
        return "hidden" if all(of_tokens.values()) else "pooled"
    kinds = ", ".join(f'"{kind}"' for kind, reads_tokens in of_tokens.items() if reads_tokens)
    return f'hidden if task.get("kind") in ({kinds},) else pooled'


def _of_kinds(config: FamilyConfig, member: MemberConfig) -> Iterator[str]:
    """What makes probabilities or numbers of the outputs, for each kind that the member's tasks have."""
    tasks = [task for task in config.tasks if task.name in member.tasks]
    kinds = {task.kind: kind_of(task).in_code for task in tasks}
    for kind, lines in kinds.items():
        if len(kinds) == 1:
            yield from (f"        {line}" for line in lines)
        elif lines:
            yield f'        if task.get("kind", "classes") == "{kind}":'
            yield from (f"            {line}" for line in lines)
