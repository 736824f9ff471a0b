# Paths of one network, limits of a job, what a script is told. Included first.
import shutil

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

# The releases of requirements.lock, for those who run with --software-deployment-method conda.
ENVIRONMENT = "../../envs/workflow.yaml"

# Without a GPU nothing is asked for, and as many networks train at once as there are cores.
GPU = int(shutil.which("nvidia-smi") is not None)


def architecture_code(wildcards):
    """The module that the architecture's word names; the loader finds it by name, so the import closure cannot."""
    return f"snn/architectures/{wildcards.architecture}.py"


def rising(mb):
    """`mem_mb` that doubles with every new submission."""
    return lambda wildcards, attempt: mb * 2 ** (attempt - 1)


def columns(networks):
    """A list of wildcard dicts as the keyword lists that `expand(..., zip, ...)` takes."""
    return {key: [network[key] for network in networks] for key in networks[0]}


def dataset_script(wildcards):
    return "folder" if "path" in study.options(wildcards.dataset) else wildcards.dataset


def training_cfg(wildcards):
    return {
        "architecture": wildcards.architecture,
        "architecture_options": study.options(wildcards.architecture),
        "seed": int(wildcards.seed),
        **study.recipe(wildcards.dataset, wildcards.architecture),
    }


def metric_graphs(wildcards):
    encodings = study.metric_encodings(wildcards.metric)
    return {
        **{f"{e}_blocks": f"{NETWORK}/{e}/blocks.npz" for e in encodings},
        **{f"{e}_edges": f"{NETWORK}/{e}/edges.parquet" for e in encodings},
    }


def network_record(network):
    """One sparse network's wildcards and files, as the pool's script reads them."""
    folder = NETWORK.format(**network)
    return {
        **network,
        "sparsity": float(network["sparsity"]),
        "seed": int(network["seed"]),
        "training": f"{folder}/training.json",
        "mask": f"{folder}/mask.npz",
        "metrics": {family: f"{folder}/metrics/{family}.json" for family in study.metrics},
    }


def dense_record(network):
    path = f"{CELL}/dense/{{seed}}/training.json".format(**network)
    return {**network, "seed": int(network["seed"]), "training": path}
