"""The names of transformers that mtlens uses.

transformers builds its names when it is imported, so a type checker learns little from its own files, and some of it is wrong:
a tokenizer could be None and would have no `pad_token`. A name that is not here is an error of the type checker: add it.
"""

from typing import Any

AutoModel: Any
AutoModelForSequenceClassification: Any
AutoModelForTokenClassification: Any
AutoTokenizer: Any
CONFIG_MAPPING: Any
