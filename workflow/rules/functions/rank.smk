# The candidates of `rank`, what its method reads, and what it makes.

RANKED = "results/rank/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}"


def rank_record(network):
    """One candidate of `rank` and the files that its method reads."""
    folder = RANKED.format(**network)
    return {
        "pruning": network["pruning"],
        "seed": int(network["seed"]),
        "mask": placed(f"{NETWORK}/mask.npz".format(**network)),
        "metrics": {family: placed(f"{folder}/metrics/{family}.json") for family in study.rank_metrics},
    }


def rank_inputs(wildcards):
    """What the method of `rank` reads: what it has learned, and the candidates."""
    records, learned = [rank_record(network) for network in study.ranked], study.rank_learned
    return {
        "masks": [record["mask"] for record in records],
        "metrics": [path for record in records for path in record["metrics"].values()],
        **({"learned": local(f"{WORKFLOW}/resources/{learned}")} if learned else {}),
    }


def rank_products():
    """What the recommendation of `rank` is made of."""
    files = ["results/rank/order.csv"] if study.ranked else []
    for network in study.ranked:
        cell, ranked = CELL.format(**network), RANKED.format(**network)
        files += [path.format(**network) for path in DATASET.values()]
        files += [f"{cell}/init/{network['seed']}/model.pt", f"{NETWORK}/mask.npz".format(**network)]
        if study.rank_metrics:
            measured = (f"{ranked}/metrics/{family}.json" for family in study.rank_metrics)
            files += [f"{cell}/geometry.npz", f"{ranked}/mge/blocks.npz", *measured]
    return list(dict.fromkeys(files))
