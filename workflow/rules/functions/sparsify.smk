# What a method starts from.


def first_weights(wildcards):
    """The files of weights that a method starts from: the initialisation, and where its script says so the dense
    network of the same seed, at its end and early."""
    files = {"init": f"{CELL}/init/{{seed}}/model.pt"}
    if study.starts_from(wildcards.pruning) == "dense":
        files |= {"dense": f"{CELL}/dense/{{seed}}/model.pt", "early": f"{CELL}/dense/{{seed}}/early.pt"}
    return {key: path.format(**wildcards) for key, path in files.items()}
