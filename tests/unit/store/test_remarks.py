from mtlens.store.remarks import remarks


def row(**columns):
    silent = {"task": "rare", "kind": "multi", "verdict": "matches", "needed": "", "not_learnt": ""}
    return {**silent, "single_collapsed": [], "multi_collapsed": [], **columns}


def test_remarks_name_what_was_not_learnt_and_which_seeds_of_which_kind_collapsed():
    found = row(
        verdict="not learnt",
        needed="more texts",
        not_learnt="no model ever predicts 1",
        kind="adapter",
        single_collapsed=[1],
        multi_collapsed=(0, 2),
    )
    assert remarks(found) == [
        "rare: not learnt; no model ever predicts 1; more texts",
        "rare: the task-specific model predicts one class only under seed 1",
        "rare: the adapters model predicts one class only under seeds 0, 2",
    ]


def test_the_mean_says_which_tasks_it_leaves_out():
    assert remarks(row(task=None, not_learnt="without rare: not learnt")) == ["mean: matches; without rare: not learnt"]


def test_an_undecided_comparison_says_what_it_needs_and_a_settled_one_nothing():
    assert remarks(row(verdict="inconclusive", needed="about 8 seeds")) == ["rare: inconclusive; about 8 seeds"]
    assert remarks(row()) == []
