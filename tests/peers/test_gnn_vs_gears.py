"""The comparison with cell-gears: its screens, how it judges, and the peer's driver on a small screen."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from perturbselect.config import Simulation
from perturbselect.files import read_h5ad, read_tsv

REPOSITORY = Path(__file__).resolve().parents[2]
BENCHMARKS = REPOSITORY / "benchmarks"
SIZES = Simulation(genes=60, perturbations=24, cells_per_perturbation=24, control_cells=40, modules=4)


@pytest.fixture(scope="module")
def benchmark():
    """The modules of the comparison, which are scripts beside each other."""
    sys.path.insert(0, str(BENCHMARKS / "peer"))
    yield {name: importlib.import_module(name) for name in ("comparison", "runs", "screens", "table")}
    sys.path.remove(str(BENCHMARKS / "peer"))


@pytest.fixture(scope="module")
def screen(benchmark, tmp_path_factory):
    """A small screen, written for both sides."""
    folder = tmp_path_factory.mktemp("screens") / "small.seed0"
    folder.mkdir()
    shape = benchmark["screens"].Shape("small", seeds=1, epochs=1, simulation=SIZES, coexpression=0.05)
    benchmark["screens"].write_screen(shape, 0, Path("unused"), folder)
    return folder


def test_both_sides_get_the_same_screen(screen):
    peer, cells = read_h5ad(screen / "peer.h5ad"), read_h5ad(screen / "cells.h5ad")
    part = read_tsv(screen / "parts.tsv").set_index("perturbation")["part"]
    assert set(part) == {"train", "validation", "test"}
    assert len(part) == SIZES.perturbations
    assert list(peer.obs_names) == list(cells.obs_names)
    spelt = dict(zip(peer.uns["conditions"], peer.uns["part"], strict=True))
    assert spelt == {f"{name}+ctrl": part[name] for name in part.index}
    # Each condition's cells are those of the perturbation, log-normalised.
    first = part.index[0]
    rows = (peer.obs["condition"] == f"{first}+ctrl").to_numpy()
    assert (rows == (cells.obs["perturbation"] == first).to_numpy()).all()
    counts = cells.X[rows].toarray()
    expected = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(peer.X[rows].toarray(), expected, rtol=1e-5)


def test_edges_of_the_peer_are_those_of_our_graphs(benchmark, screen):
    from perturbselect.data.preprocess import preprocess

    screens, peer = benchmark["screens"], read_h5ad(screen / "peer.h5ad")
    expression = preprocess(read_h5ad(screen / "cells.h5ad"), screens.PREPROCESS, "small")[0]
    graphs = screens.build_graphs(expression, screen / "gene2go.tsv.gz", 0.05)
    nodes = {"go": peer.uns["nodes"], "coexpression": peer.var["gene_name"].to_numpy()}
    for name, graph in graphs.items():
        source, target = nodes[name][peer.uns[f"{name}_edges"]]
        ours = graph.adjacency.tocoo()
        theirs = dict(zip(zip(target, source, strict=True), peer.uns[f"{name}_weights"], strict=True))
        assert theirs == {
            (graph.genes[t], graph.genes[s]): w for t, s, w in zip(ours.row, ours.col, ours.data, strict=True)
        }


def run_of(benchmark, validation, seconds, test, memory=1.0, steps=None):
    both = np.stack([seconds, np.array(seconds) / 2], axis=1)
    steps = np.arange(len(validation)) if steps is None else np.array(steps)
    facts = {"peak_gb": memory, "steps_per_epoch": 10}
    return benchmark["comparison"].Run(steps, both, np.array(validation), np.array(test), facts)


def peer_of(benchmark, validation, seconds, test, memory=1.0):
    """Looks at steps 0, 5, 10, ...: two an epoch."""
    return run_of(benchmark, validation, seconds, test, memory, steps=5 * np.arange(len(validation)))


def test_speed_up_and_errors_of_known_runs(benchmark):
    comparison = benchmark["comparison"]
    peer = peer_of(
        benchmark, [0.9, 0.1, 0.5, 0.2, 0.6], [0, 50, 100, 150, 200], [[7, 7, 7]] * 2 + [[2, 8, 0.5]] * 3, 3
    )
    fast = run_of(benchmark, [0.8, 0.5, 0.4], [1, 2, 4], [[9, 9, 9], [9, 9, 9], [1, 6, 0.75]])
    slow = run_of(benchmark, [0.8, 0.5, 0.4], [1, 10, 40], [[9, 9, 9], [9, 9, 9], [3, 6, 0.25]], memory=2)

    def against(ours, shape, seed):
        return comparison.Comparison(shape, seed, {}, peer, ours, np.zeros(3), 0.7, np.zeros(3))

    compared = [against(fast, "A", 0), against(slow, "A", 1), against(slow, "B", 0)]
    # At the ends of epochs, the peer's least validation error is 0.5, after 100 s; ours after 2 s, or 10 s.
    assert compared[0].target == 0.5
    assert compared[0].speedup.tolist() == [50, 50]
    line = json.loads(comparison.final_line(compared))
    assert line == {
        "speedup_to_best_validation": {"A": 30, "B": 10},
        "memory_ratio": 1.5,  # B; A has (3 + 1.5) / 2
        "mse_ratio": 1.5,  # B; A has (0.5 + 1.5) / 2
        "mse_de20_ratio": 0.75,
        "pearson_delta_difference": -0.25,
    }


def test_an_error_never_reached_is_no_speed_up(benchmark):
    peer = peer_of(benchmark, [0.9, 0.7, 0.5], [0, 50, 100], [[1, 1, 1]] * 3)
    ours = run_of(benchmark, [0.8, 0.6], [1, 2], [[1, 1, 1]] * 2)
    comparison = benchmark["comparison"].Comparison("A", 0, {}, peer, ours, np.zeros(3), 0.7, np.zeros(3))
    assert comparison.speedup.tolist() == [0, 0]


SUSPENDED = """
import sys, time
sys.path.insert(0, sys.argv[1])
from clock import Clock
clock = Clock()
clock.pause_when_suspended()
clock.start()
began = time.perf_counter()
print("running", flush=True)
sys.stdin.readline()
clock.stop()
print(clock.total[0], time.perf_counter() - began)
"""


def test_the_peers_clock_stands_still_while_its_process_is_suspended():
    command = [sys.executable, "-c", SUSPENDED, str(BENCHMARKS / "peer")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGTSTP)
    time.sleep(1)
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate("\n", timeout=60)
    counted, passed = map(float, output.split())
    assert passed > 1
    assert counted < passed - 0.8


@pytest.mark.slow
def test_our_side_runs_on_the_screen_and_the_table_says_when_the_mean_is_as_good(benchmark, screen):
    comparison = benchmark["comparison"]
    ours = benchmark["runs"].our_run(screen, 0, 0.05)
    found = comparison.compare("small", 0, screen, ours, ours)
    assert (np.diff(found.ours.steps) > 0).all()
    assert (found.ours.seconds > np.array(found.ours.facts["prepare_s"])).all()
    assert found.ours.facts["flop_per_step"] > 1e5
    by_hand = read_h5ad(screen / "truth.h5ad")
    part = read_tsv(screen / "parts.tsv").set_index("perturbation")["part"]
    mean = by_hand[part.index[part == "train"]].X.mean(axis=0)
    test = by_hand[part.index[part == "test"]].X
    assert found.mean_test[0] == pytest.approx(((mean - test) ** 2).mean(), rel=1e-5)
    for mean_validation, said in ((0.4, True), (0.6, False)):
        peer = peer_of(benchmark, [0.9, 0.7, 0.5], [0, 50, 100], [[1, 1, 1]] * 3)
        peer.facts.update(found.ours.facts | {"steps_per_epoch": 10, "prepare_s": 1.0})
        case = comparison.Comparison(
            "A", 0, {"train": 3}, peer, found.ours, found.together, mean_validation, np.zeros(3)
        )
        text = benchmark["table"].table(case, {"wall": 100, "cpu": 50}, kept=False)
        assert ("The training mean, at no cost" in text) == said
        assert f"{found.together[0]:16.4f}" in text
    assert (found.together != found.ours.test[-1]).all()  # three networks, not one


@pytest.mark.peer
def test_the_peer_trains_on_the_screen(benchmark, screen, tmp_path):
    python = os.environ.get("PERTURBSELECT_PEERS", str(REPOSITORY / ".venv-peers" / "bin" / "python"))
    if not Path(python).exists():
        pytest.skip(
            f"no environment with cell-gears at {python}: `make peers` makes it, or set PERTURBSELECT_PEERS"
        )
    settings = {"epochs": 2, "seed": 0, "every": 5}
    result, kept = benchmark["runs"].peer_run(python, screen, settings, tmp_path)
    assert not kept
    with np.load(result) as record:
        facts = json.loads(str(record["facts"]))
        assert record["step"].tolist()[:2] == [0, 5]
        assert record["step"][-1] == 2 * facts["steps_per_epoch"]
        assert (np.diff(record["wall"]) > 0).all()
        assert np.isfinite(record["predicted"]).all()
        assert np.abs(np.diff(record["predicted"], axis=0)).max(axis=(1, 2)).min() > 0  # it learns
        part = read_tsv(screen / "parts.tsv").set_index("perturbation")["part"]
        assert set(part[record["perturbation"]]) == {"validation", "test"}
    # All cells of a batch but the first are predicted the same response.
    assert facts["cell_dependence"] < 1e-5
    assert benchmark["runs"].peer_run(python, screen, settings, tmp_path) == (result, True)
    assert benchmark["runs"].peer_run(python, screen, settings | {"seed": 1}, tmp_path)[0] != result


def test_the_command_says_what_is_missing(tmp_path):
    command = [sys.executable, str(BENCHMARKS / "gnn_vs_gears.py"), "--quick", "--peer-python", "nowhere"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert "run `make peers`" in result.stderr
