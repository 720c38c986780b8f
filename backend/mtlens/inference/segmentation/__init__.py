"""A radiologist's report becomes one text per motion segment: sections, sentences, the levels that each speaks of.

`cleaned` makes text out of what people send, `split` finds sections and sentences in it, a `Tagger` says which motion
segments each sentence speaks of, and `Segmented` gathers the sentences of each segment. `Rules` is a tagger without a
model; `model.sentence_tagger` holds one that is learned from the synthetic reports' tags. `scoring` compares either with
the truth.
"""

from mtlens.inference.segmentation.cleaning import cleaned
from mtlens.inference.segmentation.levels import Levels, find_levels
from mtlens.inference.segmentation.rules import Rules
from mtlens.inference.segmentation.sentences import Sentence, split
from mtlens.inference.segmentation.tagging import Segmented, Tagger, segment

__all__ = ["Levels", "Rules", "Segmented", "Sentence", "Tagger", "cleaned", "find_levels", "segment", "split"]
