import pytest

from perturbselect.budgets import budget_label, budget_size, largest_budgets, measured_after


@pytest.mark.parametrize(
    ("budget", "pool", "size", "label"),
    [(40, 100, 40, "40"), ("20%", 100, 20, "20pct"), ("15%", 68, 11, "15pct"), ("2.5%", 40, 1, "2.5pct")],
)
def test_size_and_label(budget, pool, size, label):
    assert budget_size(budget, pool) == size  # shares are rounded up
    assert budget_label(budget) == label


@pytest.mark.parametrize("budget", [0, -3, "0%", "101%", "many", "20"])
def test_what_is_no_budget(budget):
    with pytest.raises(ValueError, match="neither a number"):
        budget_label(budget)


def test_the_largest_of_each_kind():
    assert largest_budgets([10, "5%", 40, "50%"]) == [40, "50%"]
    assert largest_budgets(["5%"]) == ["5%"]


@pytest.mark.parametrize(
    ("initial", "batch", "sizes"),
    [(3, 2, [3, 5, 7]), ("10%", "10%", [5, 9, 13]), (3, "10%", [3, 8, 13]), ("10%", 2, [5, 7, 9])],
)
def test_sizes_of_rounds(initial, batch, sizes):
    """In a pool of 43; shares are added first, so that rounds end at the budgets 10, 20 and 30 %."""
    assert [measured_after(r, initial, batch, 43) for r in range(3)] == sizes
