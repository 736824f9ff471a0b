# Paths, limits of a job, what a target promises: what several stages use. Included first; functions/ has what one does.
import os
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
    edges,


# Relative, so that a clone in another place reruns nothing; not the working folder where --directory is given.
WORKFLOW = relpath(HERE / "workflow")
EXTERNAL = "results/external/{name}"
DATA = "results/data/{dataset}"
CELL = "results/networks/{dataset}/{architecture}"
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

# The names of the config files that were given, which tell studies in one folder apart.
CONFIGFILES = [Path(path) for path in workflow.overwrite_configfiles]
CONFIGFILES = [path.name for path in CONFIGFILES if path.resolve() != Path(DEFAULT).resolve()]

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


def metric_minutes(wildcards, attempt):
    """`runtime` of a metric: seconds from the blocks, on an edge list of 10^8 edges up to half an hour; it doubles with
    every new submission."""
    return (3 if study.options(wildcards.metric).get("engine") == "structured" else 30) * 2 ** (attempt - 1)


def columns(networks):
    """A list of wildcard dicts as the keyword lists that `expand(..., zip, ...)` takes."""
    keys = networks[0] if networks else ("dataset", "architecture", "pruning", "sparsity", "seed")
    return {key: [network[key] for network in networks] for key in keys}


def training_cfg(wildcards):
    return {
        "architecture": wildcards.architecture,
        "architecture_options": study.options(wildcards.architecture),
        "seed": int(wildcards.seed),
        **study.recipe(wildcards.dataset, wildcards.architecture),
    }


def trained_from(wildcards):
    """The initialisation that `train_sparse` starts from: the seed's, or for `_reinit` another one."""
    seed = study.init_seed(wildcards.pruning, wildcards.seed)
    return f"{CELL}/init/{{seed}}/model.pt".format(
        dataset=wildcards.dataset, architecture=wildcards.architecture, seed=seed
    )


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


def analysis_products(pool):
    """Every table and figure that follows from a pool, the pool itself, and the page."""
    names = ["topometrics.parquet", "layers.parquet", "manifest.json", "report.html"]
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
    files += external_products([network["name"] for network in study.own])
    return list(dict.fromkeys(files))


def traced(options):
    """What of the options of `mge` decides how a network is traced."""
    return {key: options[key] for key in ("identity_shortcuts", "attention")}


def encoded(folder):
    """The outputs of `encode`: of each encoding the blocks, and its edge list unless `options.mge.parquet` is false."""
    names = {"blocks": "blocks.npz"}
    names |= {"edges": "edges.parquet", "nodes": "nodes.parquet"} if study.options("mge")["parquet"] else {}
    return {f"{e}_{key}": f"{folder}/{e}/{name}" for e in study.encoded for key, name in names.items()}


def edge_lists(folder):
    """The files of `encode` that no target asks for but `edges`."""
    return [path for path in encoded(folder).values() if path.endswith(".parquet")]


def whole_edge_lists():
    """No file. Ends the run where an edge list was cut off, which no job would notice: they are for the user to read."""
    folders = [NETWORK.format(**n) for n in study.networks] + [EXTERNAL.format(**n) for n in study.own]
    for path in (placed(path) for folder in folders for path in edge_lists(folder)):
        if Path(path).is_file():
            with open(path, "rb") as file:
                file.seek(max(0, Path(path).stat().st_size - 4))
                if file.read() != b"PAR1":
                    sys.exit(f"Error: {path} is no whole Parquet file (its end is missing); delete it and run again")
    return []


def graph_products(folder, encodings, metrics):
    """The files of one network in `folder` that its graphs and metrics are made of."""
    files = [f"{folder}/model.pt", f"{folder}/mask.npz"]
    files += [f"{folder}/{encoding}/blocks.npz" for encoding in encodings]
    return files + [f"{folder}/metrics/{family}.json" for family in metrics]


def ask_for(key):
    """End the run: its target needs a setting that the config does not have."""
    sys.exit(
        f"Error in the config: {key}: is missing; the target `{key}` needs it (config/README.md says what it holds)"
    )


def caption(wildcards, output):
    """What report/caption.rst.jinja shows in Snakemake's report. No other caption can follow a wildcard; a function of
    the output, so that rewording one makes nothing again."""
    return Path(HERE, "workflow", "report", f"{Path(output[0]).stem}.rst").read_text(encoding="utf-8")
