"""The rules against reports in the layouts that systems print: python -m experiments.benchmarks.report_layouts [--reports 400]

Synthetic reports of both regions are printed in ten layouts; practices that neither training nor development saw are
counted separately. Prints, for each layout, precision and recall of pairs of a sentence and a motion segment, and seconds
for 1,000 reports.
"""

import argparse
import json
import time
from collections.abc import Sequence

from mtlens.data.sources.spine import Spine
from mtlens.data.synthetic_reports import Report, generate
from mtlens.data.synthetic_reports.anatomy import REGIONS
from mtlens.data.synthetic_reports.layouts import LAYOUTS
from mtlens.inference.segmentation import Rules, cleaned, segment
from mtlens.inference.segmentation.scoring import score_tagger

SEED = 900_000  # of corpora that nothing else draws


def measure(reports: Sequence[Report]) -> dict[str, float]:
    """Scores of the rules on printed reports."""
    texts = [cleaned(report.text) for report in reports]
    started = time.perf_counter()
    segment(texts, Rules())
    seconds = time.perf_counter() - started
    score = score_tagger(Rules(), reports)
    return {
        "precision": round(score.precision, 4),
        "recall": round(score.recall, 4),
        "sentences cut right": round(score.split, 4),
        "seconds for 1,000": round(1000 * seconds / len(reports), 1),
    }


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=400, help="of each region")
    number = parser.parse_args().reports
    reports = [one for region in REGIONS for one in generate(Spine(region=region, reports=number, seed=SEED)).reports]
    layouts = {"as written": lambda report: report, **LAYOUTS}
    found = {
        name: {
            practices: measure([print_(report) for report in reports if report.unseen == unseen])
            for practices, unseen in (("seen practices", False), ("unseen practices", True))
        }
        for name, print_ in layouts.items()
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
