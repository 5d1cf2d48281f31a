"""Expressions of kernels: what they need, and what is refused."""

import pytest

from perturbselect.errors import InputError
from perturbselect.graphs.kernel_expression import inputs_of, parse


def test_inputs_of_screens_and_matrices():
    needed = inputs_of("mean(screen(a), other_screens(), matrix(m), jaccard(go))", ["b", "c"])
    assert needed == ([], ["go"], ["a", "b", "c"], ["m"])


def test_inputs_of_a_continued_screen():
    assert inputs_of("screen(a, mean(jaccard(go), heat(ppi)))") == (["ppi"], ["go"], ["a"], [])
    assert inputs_of("other_screens(matrix(m))", ["b"]) == ([], [], ["b"], ["m"])
    assert parse("screen(a)").along is None


def test_inputs():
    expression = "mean(jaccard(go), product(random_walk(ppi), laplacian(other)), jaccard(go))"
    assert inputs_of(expression) == (["other", "ppi"], ["go"], [], [])


def test_defaults_are_filled_in():
    assert parse("random_walk(ppi)").options == {"restart": 0.5}


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("jaccard(go", "cannot be read"),
        ("go", "is no kernel"),
        ("__import__('os').system('true')", "is no kernel"),
        ("[jaccard(go)]", "is no kernel"),
        ("jacard(go)", "did you mean 'jaccard'"),
        ("jaccard('go')", "takes one graph"),
        ("screen(a, b)", "is no kernel"),
        ("screen(a, jaccard(go), jaccard(go))", "takes one dataset"),
        ("other_screens(jaccard(go), jaccard(go))", "takes a kernel"),
        ("jaccard(go, ppi)", "takes one graph"),
        ("jaccard(go, delta=1)", "has no option 'delta'"),
        ("random_walk(ppi, restart=0)", "between 0 and 1"),
        ("random_walk(ppi, restart=go)", "must be a number"),
        ("random_walk(ppi, **go)", "has no option"),
        ("propagation(ppi, layers=1.5)", "whole number"),
        ("laplacian(ppi, delta=True)", "must be a number"),
        ("mean()", "at least one"),
        ("mean(jaccard(go), weight=2)", "nothing else"),
        ("jaccard(go) - jaccard(go)", "is no weighted kernel"),
        ("0 * jaccard(go)", "number above 0"),
        ("jaccard(go) * 2", "number above 0"),
        ("other_screens(k562)", "is no kernel"),
        ("screen(k562, linear=1)", "has no option 'linear'"),
        ("screen('k562')", "takes one dataset"),
        ("matrix()", "takes one matrix"),
        ("heat(ppi, time=0)", "between 0 and inf"),
        ("spectral(ppi, dimensions=2.5)", "whole number"),
    ],
)
def test_bad_expressions(expression, message):
    with pytest.raises(InputError, match=message):
        parse(expression)
