# Networks as the pool's script reads them, and the parameters of their path score.
from external import CELL as DENSE

PATH_SCORE = f"{WORKFLOW}/resources/path-score.csv"


def network_record(network):
    """One sparse network's wildcards and files, as the pool's script reads them."""
    folder = NETWORK.format(**network)
    return {
        **network,
        "sparsity": float(network["sparsity"]),
        "seed": int(network["seed"]),
        "training": placed(f"{folder}/training.json"),
        "mask": placed(f"{folder}/mask.npz"),
        "metrics": {family: placed(f"{folder}/metrics/{family}.json") for family in study.metrics},
    }


def own_record(network):
    """The same of a network of the user's own: what its entry says, and its files."""
    folder = EXTERNAL.format(**network)
    said = {key: value for key, value in network.items() if key not in ("name", "dense_accuracy")}
    metrics = {family: placed(f"{folder}/metrics/{family}.json") for family in study.metrics}
    return said | {"mask": placed(f"{folder}/mask.npz"), "metrics": metrics}


def own_dense_records():
    """The dense accuracies that the user's own networks say, one record per data set, architecture and seed."""
    cells = {tuple(n[key] for key in DENSE): n["dense_accuracy"] for n in study.own if "dense_accuracy" in n}
    return [{**dict(zip(DENSE, cell)), "accuracy": accuracy} for cell, accuracy in sorted(cells.items())]


def dense_record(network):
    path = placed(f"{CELL}/dense/{{seed}}/training.json".format(**network))
    return {**network, "seed": int(network["seed"]), "training": path}
