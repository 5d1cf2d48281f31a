"""Select batches with bmdal-reg; runs in the peers' environment, which lacks perturbselect.

Usage: bmdal_selections.py INPUT.npz OUTPUT.npz. Input: ``labelled`` (problems, t, p), ``pool``
(problems, n, p), ``sigma``, ``size``, ``seeds`` (repeats of the method that draws). Output: picks of each
problem by acquisition; ``badge`` of the first one, a row a seed; ``acs_kernel``, the inner products of
the utility's random features of the first problem's pool, for noise 1. The transform acs-rf-hyper, which is
not free for commercial use, is not called.
"""

import sys

import numpy as np
import torch
from bmdal_reg.bmdal.algorithms import select_batch
from bmdal_reg.bmdal.feature_data import TensorFeatureData
from bmdal_reg.bmdal.feature_maps import IdentityFeatureMap
from bmdal_reg.bmdal.features import Features
from bmdal_reg.bmdal.selection import FrankWolfeSelectionMethod

np.Inf = np.inf  # bmdal-reg 3.0.2 was written for NumPy 1

RANDOM_FEATURES = 20_000
given = np.load(sys.argv[1])
sigma, size = float(given["sigma"]), int(given["size"])
posterior = [("scale", []), ("train", [sigma, 1.0])]
METHODS = {
    "bald": ("maxdiag", posterior, {}),
    "batchbald": ("maxdet", posterior, {}),
    "bait": ("bait", posterior, {"bait_sigma": sigma}),
    "core_set": ("maxdist", [], {}),
    "lcmd": ("lcmd", [], {}),
    "badge": ("kmeanspp", posterior, {"sel_with_train": False}),
}


def select(acquisition, labelled, pool):
    method, transforms, options = METHODS[acquisition]
    data = {"train": TensorFeatureData(torch.tensor(labelled)), "pool": TensorFeatureData(torch.tensor(pool))}
    options = {"verbosity": 0, "allow_kernel_space_posterior": False} | options
    no_model = [torch.nn.Linear(1, 1)]
    return select_batch(size, no_model, data, None, "linear", transforms, method, **options)[0].numpy()


def features(rows):
    return Features(IdentityFeatureMap(rows.shape[1]), TensorFeatureData(torch.tensor(rows)))


problems = list(zip(given["labelled"], given["pool"], strict=True))
made = {name: np.array([select(name, *p) for p in problems]) for name in METHODS if name != "badge"}
made["frank_wolfe"] = np.array(
    [
        FrankWolfeSelectionMethod(features(pool), features(labelled), verbosity=0).select(size).numpy()
        for labelled, pool in problems
    ]
)
draws = []
for seed in range(int(given["seeds"])):
    torch.manual_seed(seed)
    np.random.seed(seed)
    draws.append(select("badge", *problems[0]))
made["badge"] = np.array(draws)
torch.manual_seed(0)
labelled, pool = problems[0]
scaled = np.sqrt(np.mean(np.sum(labelled**2, axis=1)))
utility = (
    features(labelled / scaled).acs_rf_tfm(RANDOM_FEATURES, 1.0)(features(pool / scaled)).get_feature_matrix()
)
made["acs_kernel"] = (utility @ utility.T).numpy() / RANDOM_FEATURES
np.savez(sys.argv[2], **made)
