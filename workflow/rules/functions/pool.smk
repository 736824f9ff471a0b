# Networks as the pool's script reads them, and the parameters of their path score.

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


def dense_record(network):
    path = placed(f"{CELL}/dense/{{seed}}/training.json".format(**network))
    return {**network, "seed": int(network["seed"]), "training": path}
