# What is drawn, and what the page and the table of costs are made of.

DRAWING = "results/figures/graphs/{dataset}-{architecture}-{pruning}-{sparsity}-{seed}.svg"
FIGURES = ["accuracy", "regression", "importance", "ranking", "layers", "layer_correlation", "scatter"]
PUBLISHED_DRAWING = "results/published/figures/graphs/{pruning}.svg"
DRAWN = "results/published/drawn"
DRAWN_ARCHITECTURE, DRAWN_ALGORITHMS, DRAWN_SPARSITY = "resnet20", ["uniform", "erk"], "0.98"
OWN_DRAWING = "results/figures/graphs/external/{name}.svg"
WORDS = ["dataset", "architecture", "pruning", "sparsity", "seed", "name"]


def own_network(name):
    return described(next(n for n in study.own if n["name"] == name))


def described(network):
    """What a drawing says of its network."""
    return {word: str(network[word]) for word in WORDS if word in network}


def drawings():
    return [DRAWING.format(**n) for n in study.drawn] + [OWN_DRAWING.format(**n) for n in study.drawn_own]


def published_network(pruning):
    return {
        "dataset": "cifar10",
        "architecture": DRAWN_ARCHITECTURE,
        "pruning": pruning,
        "sparsity": DRAWN_SPARSITY,
    }


def drawn_networks():
    return [described(network) for network in [*study.drawn, *study.drawn_own]]


def benchmarks():
    """The benchmark file of every job that made or measured a network."""
    files = expand("results/benchmarks/dataset/{dataset}.tsv", dataset=study.config["datasets"])
    for stage in ("init", "train_dense"):
        path = f"results/benchmarks/{stage}/{{dataset}}/{{architecture}}/{{seed}}.tsv"
        files += expand(path, zip, **columns(study.dense))
    path = "results/benchmarks/{stage}/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.tsv"
    family_path = "results/benchmarks/metric/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}/{family}.tsv"
    for network in study.networks:
        stages = [*study.stages(network["pruning"]), "encode"]
        files += [path.format(stage=stage, **network) for stage in stages]
        if (seed := study.init_seed(network["pruning"], network["seed"])) != int(network["seed"]):
            files.append("results/benchmarks/init/{dataset}/{architecture}/{0}.tsv".format(seed, **network))
        files += [family_path.format(family=family, **network) for family in study.metrics]
    files += [path.format(stage=study.stages(network["pruning"])[0], **network) for network in study.bases]
    stages = ["load", "encode", *study.metrics]
    files += [f"results/benchmarks/external/{n['name']}/{stage}.tsv" for n in study.own for stage in stages]
    return list(dict.fromkeys(files))


def report_cfg(wildcards):
    if wildcards.pool:
        title, lead = "The published networks", "The authors' released results, through the same analysis as any study."
        return {"title": title, "lead": lead, "graphs": [published_network(word) for word in DRAWN_ALGORITHMS]}
    c = study.config
    counted = f"{len(study.networks)} sparse and {len(study.dense)} dense networks"
    lead = f"{counted} on {', '.join(c['datasets'])}: {', '.join(c['architectures'])}." if study.networks else ""
    if study.own:
        lead = f"{lead} {len(study.own)} networks that were trained elsewhere.".strip()
    return {"title": "Topology of sparse neural networks", "lead": lead, "graphs": drawn_networks()}
