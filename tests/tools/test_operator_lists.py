"""The count of MXNet's operators: what is missing needs a reason."""

import operator_lists


def test_what_is_missing_without_a_reason_is_named():
    assert operator_lists.count(["a", "b", "c"], {"a"}, {"b": "why"}) == (1, ["b"], ["c"])
    text = operator_lists.sentence("0.9.5", ["a", "b", "c"], {"a"}, {"b": "why"})
    assert text == "operators of MXNet 0.9.5: 1 of 3, 1 left out on purpose; missing without a reason: c"


def test_the_lists_are_whole_and_the_reasons_concern_them():
    names = {version: operator_lists.names(version) for version in operator_lists.VERSIONS}
    assert [len(names[v]) for v in operator_lists.VERSIONS] == [204, 400]
    assert all(len(set(n)) == len(n) for n in names.values())
    every = set(names["0.9.5"]) | set(names["1.9.1"])
    reasons = operator_lists.left_out()
    assert set(reasons) <= every
    assert all(len(reason) > 20 for reason in reasons.values())
