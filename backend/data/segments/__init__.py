"""A radiologist's report becomes one text per motion segment: sections, sentences, the levels that each speaks of.

`cleaned` makes text out of what people send, `split` finds sections and sentences in it, a `Tagger` says which motion
segments each sentence speaks of, and `Segmented` gathers the sentences of each segment. `Rules` is a tagger without a
model; `backend.ship.learned` holds one that is learned from the synthetic reports' tags. `scoring` compares either with
the truth.
"""

from backend.data.segments.cleaning import cleaned
from backend.data.segments.levels import Levels, find_levels
from backend.data.segments.rules import Rules
from backend.data.segments.sentences import Sentence, split
from backend.data.segments.tagging import Segmented, Tagger, segment

__all__ = ["Levels", "Rules", "Segmented", "Sentence", "Tagger", "cleaned", "find_levels", "segment", "split"]
