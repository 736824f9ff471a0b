# Paths of one network, limits of a job, what a script is told. Included first.
import contextlib
import json
import shutil

from types import SimpleNamespace


def any_of(words):
    """A pattern that matches these words, and nothing where there is none."""
    return "|".join(words) or "(?!)"


wildcard_constraints:
    dataset="[a-z][a-z0-9_]*",
    architecture="[a-z][a-z0-9_]*",
    pruning=any_of(study.known["pruning"] + study.controls),
    sparsity=r"0\.[0-9]+",
    seed="[0-9]+",
    encoding="|".join(study.known["encodings"]),
    metric="|".join(study.known["metrics"]),
    pool="(published/)?",
    name="[A-Za-z0-9][A-Za-z0-9_.-]*",


# Both are counted per group or job and not over the whole cluster: the GPU of one machine, and a job's turn in a group.
resource_scopes:
    gpu="local",
    turn="local",


localrules:
    all,
    published,
    external,


# Relative, so that a clone in another place reruns nothing; not the working folder where --directory is given.
WORKFLOW = relpath(HERE / "workflow")
EXTERNAL = "results/external/{name}"
RANKED = "results/rank/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}"
DATA = "results/data/{dataset}"
CELL = "results/networks/{dataset}/{architecture}"
DRAWING = "results/figures/graphs/{dataset}-{architecture}-{pruning}-{sparsity}-{seed}.svg"
NETWORK = f"{CELL}/{{pruning}}/{{sparsity}}/{{seed}}"

DATASET = {
    "train_images": f"{DATA}/train_images.npy",
    "train_labels": f"{DATA}/train_labels.npy",
    "test_images": f"{DATA}/test_images.npy",
    "test_labels": f"{DATA}/test_labels.npy",
    "info": f"{DATA}/dataset.json",
}

# A path of the results as the rules' own paths become: below the `prefix:` of a module statement, if there is one.
placed = workflow.modifier.path_modifier.modify

# The releases of requirements.lock, for those who run with --software-deployment-method conda.
ENVIRONMENT = "../../envs/workflow.yaml"

# Without a GPU nothing is asked for, and as many networks train at once as there are cores.
GPU = int(shutil.which("nvidia-smi") is not None)


def architecture_code(wildcards):
    """The module that the architecture's word names; the loader finds it by name, so the import closure cannot."""
    return f"sparse_topology/networks/architectures/{wildcards.architecture}.py"


def rising(amount):
    """`mem_mb` or `runtime` that doubles with every new submission."""
    return lambda wildcards, attempt: amount * 2 ** (attempt - 1)


def graph_memory(wildcards, attempt):
    """`mem_mb` of an encoding or a metric: it follows the network's size as soon as that is known, and doubles with
    every new submission."""
    names = dict(wildcards.items())
    model = Path(placed((EXTERNAL if "name" in names else NETWORK).format(**names)), "model.pt")
    mb = 500 + 100 * model.stat().st_size // 10**6 if model.exists() else 2000
    return mb * 2 ** (attempt - 1)


def columns(networks):
    """A list of wildcard dicts as the keyword lists that `expand(..., zip, ...)` takes."""
    return {key: [network[key] for network in networks] for key in networks[0]}


def dataset_script(wildcards):
    return "folder" if "path" in study.options(wildcards.dataset) else wildcards.dataset


def dataset_cfg(wildcards):
    """A data set's settings: of a folder of images its contents, and not where it lies."""
    cfg = study.options(wildcards.dataset)
    return cfg | {"path": folder_digest(cfg["path"])} if "path" in cfg else cfg


def dataset_places(wildcards, output):
    """Where its files lie. Snakemake compares no parameter that is a function of the output: moving them reruns nothing;
    archives are the same everywhere, since their checksums are known."""
    options = study.options(wildcards.dataset)
    return {"data_dir": study.config["data_dir"]} | ({"path": options["path"]} if "path" in options else {})


def training_cfg(wildcards):
    return {
        "architecture": wildcards.architecture,
        "architecture_options": study.options(wildcards.architecture),
        "seed": int(wildcards.seed),
        **study.recipe(wildcards.dataset, wildcards.architecture),
    }


def measured_encodings(wildcards, folder=NETWORK):
    """The encodings that a metric's file holds: those of the study, and what it was measured on before the study dropped
    that encoding, as long as the graph is there; so that dropping one measures nothing again."""
    asked, folder = study.metric_encodings(wildcards.metric), placed(folder.format(**dict(wildcards.items())))
    dropped = [e for e in study.known["encodings"] if e not in study.encoded]
    dropped = [e for e in dropped if all(Path(folder, e, name).exists() for name in ("blocks.npz", "edges.parquet"))]
    if dropped:
        with contextlib.suppress(OSError, ValueError):
            held = json.loads(Path(folder, "metrics", f"{wildcards.metric}.json").read_text())["encodings"]
            asked = [e for e in study.known["encodings"] if e in asked or (e in dropped and e in held)]
    return asked


def trained_from(wildcards):
    """The initialisation that `train_sparse` starts from: the seed's, or for `_reinit` another one."""
    seed = study.init_seed(wildcards.pruning, wildcards.seed)
    return f"{CELL}/init/{{seed}}/model.pt".format(
        dataset=wildcards.dataset, architecture=wildcards.architecture, seed=seed
    )


def first_weights(wildcards):
    """The files of weights that a method starts from: the initialisation, and where its script says so the dense
    network of the same seed, at its end and early."""
    files = {"init": f"{CELL}/init/{{seed}}/model.pt"}
    if study.starts_from(wildcards.pruning) == "dense":
        files |= {"dense": f"{CELL}/dense/{{seed}}/model.pt", "early": f"{CELL}/dense/{{seed}}/early.pt"}
    return {key: path.format(**wildcards) for key, path in files.items()}


def metric_graphs(wildcards, folder=NETWORK):
    encodings = measured_encodings(wildcards, folder)
    return {
        **{f"{e}_blocks": f"{folder}/{e}/blocks.npz" for e in encodings},
        **{f"{e}_edges": f"{folder}/{e}/edges.parquet" for e in encodings},
    }


def metric_cfg(wildcards, folder=NETWORK):
    return {"encodings": measured_encodings(wildcards, folder), **study.options(wildcards.metric)}


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
            "parameters": local(f"{WORKFLOW}/resources/path-score.csv"),
            "info": DATASET["info"].format(dataset=study.rank["dataset"]),
            "masks": [record["mask"] for record in records],
        }
    return {
        "importance": local(f"{WORKFLOW}/resources/importance.csv"),
        "metrics": [path for record in records for path in record["metrics"].values()],
    }


def published_files(folder):
    """The files of the authors' release under `folder`, each plain or, where only that exists, gzipped."""
    names = [line.split()[1] for line in Path(CHECKSUMS).read_text().splitlines()]
    paths = [f"{folder}/{name}" for name in names]
    return [f"{path}.gz" if not Path(path).exists() and Path(f"{path}.gz").exists() else path for path in paths]


def published_sources():
    """The release where the user has it, else as it is downloaded."""
    files = published_files(PUBLISHED_FOLDER)
    return [local(path) for path in files] if "path" in study.config.get("published", {}) else files


def published_digest(wildcards):
    """Of files that the user brought; the downloaded ones are known by their checksums."""
    given = "path" in study.config.get("published", {})
    files = {path.removeprefix(PUBLISHED_FOLDER): path for path in published_files(PUBLISHED_FOLDER)}
    return files_digest(files) if given else None


def reported_tables(pool):
    """The tables on the page of the study, or of the published data; with the printed values where the paper has any."""
    names = ["accuracy", "regression", "predictions", "importance", "ranking", "layers", "layer_correlation"]
    names += ["redundancy", "metric_correlation", "families"]
    if pool or study.shares_cells_with_the_paper:
        names.append("paper_comparison")
    if not pool and study.shares_cells_with_the_paper and "published" in study.config:
        names.append("pool_comparison")
    if not pool and study.evolved:
        names += ["mask_history", "exploration"]
    if not pool and study.control_pairs:
        names.append("controls")
    return names + (["rank_evaluation"] if pool else ["costs"])


FIGURES = ["accuracy", "regression", "importance", "ranking", "layers", "layer_correlation", "scatter"]


def analysis_products(pool):
    """Every table and figure that follows from a pool, the pool itself, and the page."""
    names = ["topometrics.parquet", "layers.parquet", "tables/path_scores.csv", "manifest.json", "report.html"]
    names += [f"tables/{name}.csv" for name in reported_tables(pool)] + [f"figures/{name}.svg" for name in FIGURES]
    return [f"results/{pool}{name}" for name in names]


def study_products():
    """What the study's networks consist of, from the images to the metrics, but for the Parquet edge lists."""
    files = [path.format(dataset=word) for word in study.config["datasets"] for path in DATASET.values()]
    for network in study.dense:
        cell = CELL.format(**network)
        files += [f"{cell}/geometry.npz"] if study.encoded else []
        files += [f"{cell}/init/{network['seed']}/model.pt"]
        files += [f"{cell}/dense/{network['seed']}/{name}" for name in ("model.pt", "training.json", "early.pt")]
    for network in study.networks:
        files += graph_products(NETWORK.format(**network), study.encoded, study.metrics)
        files += [f"{NETWORK}/training.json".format(**network), trained_from(SimpleNamespace(**network))]
    files += [f"{NETWORK}/mask.npz".format(**network) for network in study.bases]
    return list(dict.fromkeys(files))


def graph_products(folder, encodings, metrics):
    """The files of one network in `folder` that its graphs and metrics are made of."""
    files = [f"{folder}/model.pt", f"{folder}/mask.npz"]
    files += [f"{folder}/{encoding}/blocks.npz" for encoding in encodings]
    return files + [f"{folder}/metrics/{family}.json" for family in metrics]


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


def ask_for(key):
    """End the run: its target needs a setting that the config does not have."""
    sys.exit(
        f"Error in the config: {key}: is missing; the target `{key}` needs it (config/README.md says what it holds)"
    )


def analysis_cfg(wildcards, table):
    """Settings of a table: the study's; the published data always get the paper's repetitions."""
    return study.defaults(table) if wildcards.pool else study.options(table)


def weighted(wildcards):
    """The topometrics of a pool that depend on the weights."""
    return study.weighted(study.published_metrics if wildcards.pool else study.metrics)


def table_cfg(wildcards):
    """Settings of a table that is made from the pool alone."""
    settings = analysis_cfg(wildcards, "ranking")
    bootstrap = {"bootstrap": settings["bootstrap"]}
    return {
        "accuracy": {},
        "importance": bootstrap | {"weighted": weighted(wildcards)},
        "ranking": settings,
        "controls": bootstrap | {"pairs": study.control_pairs},
    }[wildcards.table]


def caption(wildcards, output):
    """What report/caption.rst.jinja shows in Snakemake's report. No other caption can follow a wildcard; a function of
    the output, so that rewording one makes nothing again."""
    return Path(HERE, "workflow", "report", f"{Path(output[0]).stem}.rst").read_text()


def drawings():
    return [DRAWING.format(**network) for network in study.drawn]


def drawing_titles():
    return ["{architecture}, {pruning}, sparsity {sparsity}".format(**network) for network in study.drawn]


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
    return list(dict.fromkeys(files))


def report_cfg(wildcards):
    if wildcards.pool:
        title, lead = "The published networks", "The authors' released results, through the same analysis as any study."
        return {"title": title, "lead": lead, "graphs": []}
    c = study.config
    counted = f"{len(study.networks)} sparse and {len(study.dense)} dense networks"
    lead = f"{counted} on {', '.join(c['datasets'])}: {', '.join(c['architectures'])}."
    return {"title": "Topology of sparse neural networks", "lead": lead, "graphs": drawing_titles()}


def external_files(wildcards):
    """A network's checkpoint, its mask if it has one, and the file of its architecture if that is the user's own."""
    entry = study.config["external"][wildcards.name]
    files = {key: local(entry[key]) for key in ("weights", "mask") if key in entry}
    if ":" in entry["architecture"]:
        files["architecture"] = local(entry["architecture"].rpartition(":")[0])
    return files


def external_cfg(wildcards):
    entry = study.config["external"][wildcards.name]
    return {
        "architecture": entry["architecture"],
        "architecture_options": study.options(entry["architecture"]),
        "classes": entry["classes"],
        "identity_shortcuts": study.options("mge")["identity_shortcuts"],
        "input": entry["input"],
    }


def external_architecture_code(wildcards):
    """The module of the architecture, unless it is the user's own: that is an input."""
    word = study.config["external"][wildcards.name]["architecture"]
    return [] if ":" in word else [f"sparse_topology/networks/architectures/{word}.py"]


def external_products():
    """Every file of every external network, whose inputs are checked before anything runs."""
    for name, entry in study.config["external"].items():
        for key, path in external_files(SimpleNamespace(name=name)).items():
            if not Path(path).is_file():
                sys.exit(f"Error in the config: external.{name}.{key}: there is no file {path!r}")
    folders = [EXTERNAL.format(name=name) for name in study.config["external"]]
    products = [path for folder in folders for path in graph_products(folder, study.encoded, study.metrics)]
    return [f"{folder}/{name}" for folder in folders for name in ("topometrics.csv", "geometry.npz")] + products
