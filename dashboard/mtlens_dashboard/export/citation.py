"""How to cite results: a sentence that finds the run folders, and BibTeX of the method and of mtlens."""

from mtlens.statistics.shown import counted
from mtlens_dashboard.queries import ExperimentInfo

METHOD = """\
@inproceedings{sehanobish-etal-2022-explaining,
  title     = {Explaining the Effectiveness of Multi-Task Learning for Efficient Knowledge Extraction from Spine {MRI} Reports},
  author    = {Sehanobish, Arijit and Sandora, McCullen and Abraham, Nabila and Pawar, Jayashri and Torres, Danielle and
               Das, Anasuya and Becker, Murray and Herzog, Richard and Odry, Benjamin and Vianu, Ron},
  booktitle = {Proceedings of the 2022 Conference of the North American Chapter of the Association for Computational
               Linguistics: Human Language Technologies: Industry Track},
  year      = {2022},
  pages     = {130--140},
  publisher = {Association for Computational Linguistics},
  doi       = {10.18653/v1/2022.naacl-industry.16},
}"""
"""The paper whose explanation mtlens tests, as in the ACL Anthology (2022.naacl-industry.16); CITATION.cff has the same."""


def citation(about: ExperimentInfo, version: str) -> str:
    """How to name these results, so that others can find the run folders and the method."""
    return (
        f"Experiment {about.name} ({about.experiment_id}), {counted(len(about.seeds), 'seed')}, encoder {about.encoder}; "
        f"computed with mtlens {version}, after Sehanobish et al., NAACL 2022 Industry Track, arXiv 2205.02979."
    )


def bibtex(version: str) -> str:
    """The method, and mtlens in the version that computed the results."""
    software = (
        f"@software{{mtlens,\n  title   = {{mtlens}},\n  author  = {{{{the mtlens authors}}}},\n  version = {{{version}}},\n}}"
    )
    return f"{METHOD}\n{software}"
