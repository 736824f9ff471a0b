# The candidates of `rank`, what its method reads, and what it makes.

RANKED = "results/rank/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}"


def rank_record(network):
    """One candidate of `rank` and the files that its method reads."""
    record = {"pruning": network["pruning"], "seed": int(network["seed"])}
    if study.rank_method == "paths":
        return record | {"mask": placed(f"{NETWORK}/mask.npz".format(**network))}
    folder = RANKED.format(**network)
    metrics = {family: placed(f"{folder}/metrics/{family}.json") for family in study.ranking_metrics}
    return record | {"metrics": metrics}


def rank_inputs(wildcards):
    """What the method of `rank` reads: what it has learned, and the candidates."""
    records = [rank_record(network) for network in study.ranked]
    if study.rank_method == "paths":
        return {
            "parameters": local(PATH_SCORE),
            "info": DATASET["info"].format(dataset=study.rank["dataset"]),
            "masks": [record["mask"] for record in records],
        }
    return {
        "importance": local(f"{WORKFLOW}/resources/importance.csv"),
        "metrics": [path for record in records for path in record["metrics"].values()],
    }


def rank_products():
    """What the recommendation of `rank` is made of."""
    files = ["results/rank/order.csv"] if study.ranked else []
    for network in study.ranked:
        cell, ranked = CELL.format(**network), RANKED.format(**network)
        files += [path.format(**network) for path in DATASET.values()]
        files += [f"{cell}/init/{network['seed']}/model.pt", f"{NETWORK}/mask.npz".format(**network)]
        if study.rank_method == "mixture":
            measured = (f"{ranked}/metrics/{family}.json" for family in study.ranking_metrics)
            files += [f"{cell}/geometry.npz", f"{ranked}/mge/blocks.npz", *measured]
    return list(dict.fromkeys(files))
