"""The part of a model card that says how to use the models without mtlens: code that a test runs as it stands there."""

from mtlens.inference.model.family import FamilyConfig, MemberConfig

_PIPELINE = """\
`{folder}` is an ordinary `transformers` folder, and gives the calibrated probabilities that mtlens gives:

```python
from transformers import pipeline

classify = pipeline("text-classification", model="{folder}", top_k=None, dtype="float32")
print(classify("The disc is bulging.", truncation=True))
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
_HEADS = """\
`{folder}` is an encoder that `AutoModel` loads, with a linear head per task in `heads.safetensors`:

```python
import json
from pathlib import Path
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer
config = json.loads(Path("config.json").read_text())
tokenizer = AutoTokenizer.from_pretrained("tokenizer")
encoder = AutoModel.from_pretrained("{folder}", dtype=torch.float32, attn_implementation="eager").eval()
heads = load_file("{folder}/heads.safetensors")
batch = tokenizer(["The disc is bulging."], truncation=True, max_length=config["max_length"], padding=True, return_tensors="pt")
hidden = encoder(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state.detach()
mask = batch["attention_mask"].unsqueeze(-1).float()
{pooling}
for task in config["tasks"]:
    if (name := task["name"]) + ".weight" in heads:
        seen = hidden if task.get("kind") == "tags" else pooled  # tags are of tokens
        outputs = torch.nn.functional.linear(seen, heads[name + ".weight"].float(), heads[name + ".bias"].float())
        if task.get("kind", "classes") == "classes":  # of other kinds the outputs as they are
            outputs = (outputs / config["temperatures"][name]).softmax(dim=1)
        print(name, outputs.tolist(), task["classes"])
```
"""
_POOLING = {
    "mean": "pooled = (hidden * mask).sum(dim=1) / mask.sum(dim=1)",
    "cls": "pooled = hidden[:, 0]",
    "last": 'pooled = hidden[torch.arange(len(hidden)), batch["attention_mask"].sum(dim=1) - 1]',
}

_PIPELINES = {"classifier": _PIPELINE, "token classifier": _TOKENS}


def usage(config: FamilyConfig) -> str:
    """The chapter, with one piece of code for each member; run it in the folder of the family."""
    parts = "\n".join(_of_member(config, member) for member in config.members)
    return f"\n## Without mtlens\n\nIn the folder of this file, with torch and transformers:\n\n{parts}"


def _of_member(config: FamilyConfig, member: MemberConfig) -> str:
    if member.layout in _PIPELINES:
        return _PIPELINES[member.layout].format(folder=member.folder)
    return _HEADS.format(folder=member.folder, pooling=_POOLING[config.pooling])
