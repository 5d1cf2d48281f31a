"""Run cell-gears' network on a random batch and write down what it did; runs in the peer's environment.

``python run_cell_gears.py CONFIGS.json FOLDER`` writes FOLDER/{name}.npz for each config, whose keys are
those that `main` reads. Arrays: ``weight/…``; ``statistic/…``, the running averages given for evaluation;
``{mode}/delta``, ``{mode}/log_variance`` and ``{mode}/gradient/…`` for the modes train and evaluation;
``steps/weight/…`` after some steps of its optimiser; and the batch. Names are cell-gears'.
"""

import json
import sys
import types

import gears.utils
import numpy as np
import torch
from gears.model import GEARS_Model
from gears.utils import loss_fct, uncertainty_loss_fct


def random_edges(nodes, generator):
    """About four sources a node, weights at random, no self loops: [2, edges] and [edges]."""
    adjacency = (generator.random((nodes, nodes)) < 4 / nodes) * generator.uniform(0.2, 1, (nodes, nodes))
    np.fill_diagonal(adjacency, 0)
    target, source = np.nonzero(adjacency)
    return np.stack([source, target]), adjacency[target, source]


def random_batch(conditions, genes, generator):
    """Cells of the given conditions, each beside a control cell; a tenth of the genes is not expressed."""
    controls = np.log1p(generator.poisson(1.5, (len(conditions), genes)))
    effect = {c: 0.5 * generator.standard_normal(genes) for c in set(conditions)}
    cells = np.stack(
        [
            x if c == "ctrl" else np.maximum(x[generator.permutation(genes)] + effect[c], 0)
            for c, x in zip(conditions, controls, strict=True)
        ]
    )
    expressed = {c: np.sort(generator.permutation(genes)[: genes - genes // 10]) for c in set(conditions)}
    return controls, cells, expressed


def main(config):
    torch.manual_seed(config["seed"])
    generator = np.random.default_rng(config["seed"])
    dtype = getattr(torch, config["dtype"])
    genes, nodes, conditions = config["genes"], config["nodes"], config["conditions"]
    gene_edges, gene_weight = random_edges(genes, generator)
    if not config["coexpression"]:
        gene_edges, gene_weight = gene_edges[:, :0], gene_weight[:0]
    node_edges, node_weight = random_edges(nodes, generator)
    model = GEARS_Model(
        {
            "num_genes": genes,
            "num_perts": nodes,
            "hidden_size": config["hidden"],
            "uncertainty": config["uncertainty"],
            "num_go_gnn_layers": 1,
            "num_gene_gnn_layers": 1,
            "decoder_hidden_size": 16,
            "no_perturb": False,
            "device": "cpu",
            "G_coexpress": torch.from_numpy(gene_edges),
            "G_coexpress_weight": torch.from_numpy(gene_weight).to(dtype),
            "G_go": torch.from_numpy(node_edges),
            "G_go_weight": torch.from_numpy(node_weight).to(dtype),
        }
    ).to(dtype)
    with torch.no_grad():  # so that no scale, shift or bias is neutral
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    controls, cells, expressed = random_batch(conditions, genes, generator)
    x, y = torch.from_numpy(controls).to(dtype), torch.from_numpy(cells).to(dtype)
    graph = types.SimpleNamespace(
        x=x.reshape(-1, 1),
        batch=torch.arange(len(conditions)).repeat_interleave(genes),
        pert_idx=[[-1] if c == "ctrl" else [int(node) for node in c.split("+")] for c in conditions],
    )
    control_mean = x.mean(dim=0)
    # On a CPU its uncertainty loss adds in place to a leaf that requires a gradient, which torch refuses.
    gears.utils.torch = types.SimpleNamespace(**vars(torch))
    gears.utils.torch.tensor = lambda value, **options: torch.tensor(value, dtype=dtype, **options).clone()

    def step():
        """Compute response, log variance and loss of the batch."""
        options = {"ctrl": control_mean, "direction_lambda": 0.1, "dict_filter": expressed}
        if config["uncertainty"]:
            predicted, log_variance = model(graph)
            loss = uncertainty_loss_fct(predicted, log_variance, y, conditions, reg=1, **options)
            return predicted - x, log_variance, loss
        predicted = model(graph)
        return predicted - x, torch.zeros(()), loss_fct(predicted, y, conditions, **options)

    found = {
        "gene_edges": gene_edges,
        "gene_weight": gene_weight,
        "node_edges": node_edges,
        "node_weight": node_weight,
        "controls": controls,
        "cells": cells,
        "expressed": np.stack([np.isin(np.arange(genes), expressed[c]) for c in conditions]),
    }

    def keep(prefix, tensors):
        found.update({f"{prefix}/{name}": t.detach().clone().numpy() for name, t in tensors.items()})

    start = {name: value.clone() for name, value in model.state_dict().items()}
    keep("weight", dict(model.named_parameters()))
    for mode in ("train", "evaluation"):
        if mode == "evaluation":
            for name, buffer in model.named_buffers():  # random, so that each one matters
                if name.endswith("running_mean"):
                    buffer.copy_(0.1 * torch.randn_like(buffer))
                elif name.endswith("running_var"):
                    buffer.copy_(0.5 + torch.rand_like(buffer))
            keep("statistic", {n: b for n, b in model.named_buffers() if "running" in n})
        model.train(mode == "train")
        model.zero_grad()
        delta, log_variance, loss = step()
        loss.backward()
        keep(mode, {"delta": delta, "log_variance": log_variance})
        gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        keep(f"{mode}/gradient", gradients)

    # What `GEARS.train` does with a batch, on the same one each time.
    model.load_state_dict(start)
    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=config["learning_rate"], weight_decay=5e-4)
    for _ in range(config["steps"]):
        optimiser.zero_grad()
        *_, loss = step()
        loss.backward()
        torch.nn.utils.clip_grad_value_(model.parameters(), clip_value=1.0)
        optimiser.step()
    keep("steps/weight", dict(model.named_parameters()))
    return found


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        configs = json.load(file)
    for name, config in configs.items():
        np.savez(f"{sys.argv[2]}/{name}.npz", **main(config))
