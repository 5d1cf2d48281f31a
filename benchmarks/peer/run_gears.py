"""Train cell-gears 0.1.2 on one screen and record its way; runs in the peer's own environment.

``python run_gears.py peer.h5ad RESULT.npz --epochs 5 --seed 0 --every 25``: the peer's own data
loaders, network, loss and training loop, on the edges, split and cells of the file. What is left
out: its downloads, and its evaluation of the training set after each epoch, which it only prints
(about 40 % of its time). The clock runs while it takes training steps, and only then.

The response that it predicts depends on the perturbation only, in all cells of a batch but the
first (which alone gets the co-expression hop). So one cell a perturbation gives its predictions,
with one more at the head of the batch; they are recorded every few steps.
"""

import argparse
import json
import resource
import time

import anndata
import gears.gears
import numpy as np
import torch
from clock import Clock
from gears import GEARS, PertData
from gears.data_utils import get_DE_genes

BATCH, TEST_BATCH = 32, 128  # those of the peer's tutorial


class WatchedLoader:
    """The training loader, with a look at the network before the first step and every few after."""

    def __init__(self, loader, every: int, clock: Clock, look) -> None:
        self.loader, self.every, self.clock, self.look = loader, every, clock, look
        self.steps = 0

    def __iter__(self):
        self.look()
        self.clock.start()
        for batch in self.loader:
            yield batch  # the peer takes its step before it asks for the next batch
            self.steps += 1
            if self.steps % self.every == 0:
                self.clock.stop()
                self.look()
                self.clock.start()
        self.clock.stop()
        self.look()


def pert_data(file: anndata.AnnData, seed: int) -> PertData:
    """Make the peer's data object from the file, without its downloads."""
    conditions, part = file.uns["conditions"], file.uns["part"]
    names = file.var["gene_name"].to_numpy(str)
    data = PertData.__new__(PertData)  # __init__ downloads
    data.data_path, data.dataset_name, data.default_pert_graph = "", "screen", False
    data.split, data.seed, data.train_gene_set_size, data.subgroup = "custom", seed, None, None
    data.adata = get_DE_genes(file, skip_calc_de=True)
    full_name = dict(data.adata.obs[["condition", "condition_name"]].astype(str).to_numpy())
    data.adata.uns["rank_genes_groups_cov_all"] = {
        full_name[c]: names[top] for c, top in zip(conditions, file.uns["de20"], strict=True)
    }
    data.adata.uns["non_zeros_gene_idx"] = {
        full_name[c]: np.flatnonzero(row) for c, row in zip(conditions, file.uns["expressed"], strict=True)
    }
    data.pert_names = np.asarray(file.uns["nodes"], dtype=str)
    data.node_map_pert = {gene: i for i, gene in enumerate(data.pert_names)}
    data.ctrl_adata = data.adata[data.adata.obs["condition"] == "ctrl"]
    data.gene_names = data.adata.var.gene_name
    data.set2conditions = {
        "train": [*conditions[part == "train"], "ctrl"],
        "val": list(conditions[part == "validation"]),
        "test": list(conditions[part == "test"]),
    }
    np.random.seed(seed)  # the peer pairs cells with controls by the global generator
    data.create_dataset_file()
    data.get_dataloader(BATCH, TEST_BATCH)
    return data


def responses(model: torch.nn.Module, cells: list) -> np.ndarray:
    """Predict the response of each cell's perturbation: [cells, genes]; leaves the mode as it was."""
    from torch_geometric.loader import DataLoader

    training = model.training
    model.eval()
    batch = next(iter(DataLoader([cells[0], *cells], len(cells) + 1)))
    with torch.no_grad():
        predicted = model(batch) - batch.x.reshape(len(cells) + 1, -1)
    model.train(training)
    return predicted[1:].numpy()


def cell_dependence(model: torch.nn.Module, data: PertData) -> float:
    """Return by how much predicted responses to one perturbation differ between cells of a batch."""
    cells = [cell for c in data.set2conditions["val"] for cell in data.dataset_processed[c][:8]]
    return float(np.abs(np.repeat(responses(model, cells[::8]), 8, axis=0) - responses(model, cells)).max())


def floating_point_operations(model: torch.nn.Module, loader) -> int:
    """Count the floating-point operations of the matrix products of one training step."""
    from torch.utils.flop_counter import FlopCounterMode

    model.train()
    batch = next(iter(loader))
    with FlopCounterMode(display=False) as counter:
        model(batch).square().mean().backward()
    model.zero_grad()
    return counter.get_total_flops()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("result")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--every", type=int, required=True)
    options = parser.parse_args()

    clock = Clock()
    clock.pause_when_suspended()
    began = time.perf_counter()
    file = anndata.read_h5ad(options.file)
    tensors = {
        f"G_{short}{kind}": torch.from_numpy(np.asarray(file.uns[f"{name}_{key}"]))
        for short, name in (("go", "go"), ("coexpress", "coexpression"))
        for kind, key in (("", "edges"), ("_weight", "weights"))
    }
    data = pert_data(file, options.seed)
    torch.manual_seed(options.seed)
    peer = GEARS(data, device="cpu")
    peer.model_initialize(hidden_size=64, **tensors)
    prepared = time.perf_counter() - began

    held_out = [*data.set2conditions["val"], *data.set2conditions["test"]]
    one_each = [data.dataset_processed[condition][0] for condition in held_out]
    records = []
    train_loader = peer.dataloader["train_loader"]

    def look() -> None:
        if not records or records[-1][0] != watched.steps:
            records.append((watched.steps, *clock.total, responses(peer.model, one_each)))

    watched = WatchedLoader(train_loader, options.every, clock, look)
    peer.dataloader["train_loader"] = watched
    del peer.dataloader["test_loader"]  # the test is ours, for both
    own_errors, evaluate = [], gears.gears.evaluate
    cache = {}

    def evaluate_once(loader, model, uncertainty, device):
        """Evaluate the validation set, also where the peer asks for the training set, to print it."""
        if loader is watched:
            cache["result"] = evaluate(peer.dataloader["val_loader"], model, uncertainty, device)
        else:
            own_errors.append((watched.steps, gears.gears.compute_metrics(cache["result"])[0]["mse_de"]))
        return cache["result"]

    gears.gears.evaluate = evaluate_once
    peer.train(epochs=options.epochs, lr=1e-3, weight_decay=5e-4)
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step, wall, cpu, predicted = zip(*records, strict=True)
    facts = {
        "prepare_s": prepared,
        "peak_gb": peak_kb * 1024 / 1e9,
        "steps_per_epoch": len(train_loader),
        "flop_per_step": floating_point_operations(peer.model, train_loader),
        "threads": torch.get_num_threads(),
        "parameters": sum(p.numel() for p in peer.model.parameters()),
        "own_validation_mse_de20": own_errors,
        "cell_dependence": cell_dependence(peer.model, data),
    }
    with open(options.result, "wb") as file:
        np.savez_compressed(
            file,
            step=step,
            wall=wall,
            cpu=cpu,
            predicted=np.stack(predicted),
            perturbation=[condition.removesuffix("+ctrl") for condition in held_out],
            facts=json.dumps(facts),
        )


if __name__ == "__main__":
    main()
