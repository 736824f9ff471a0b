# Networks of the user's own: their files, and what they become.


def external_files(wildcards):
    """A network's checkpoint, its mask if it has one, and, if its architecture is the user's own, the file of that and
    the files of the same folder that it imports."""
    entry = study.config["external"][wildcards.name]
    files = {key: local(entry[key]) for key in ("weights", "mask") if key in entry}
    if ":" in entry["architecture"]:
        path = entry["architecture"].rpartition(":")[0]
        files["architecture"] = local(path)
        files["imported"] = [local(name) for name in beside(path)]
    return files


def external_cfg(wildcards):
    entry = study.config["external"][wildcards.name]
    return {
        "architecture": entry["architecture"],
        "architecture_options": study.options(entry["architecture"]),
        "classes": entry["classes"],
        **traced(study.options("mge")),
        "input": entry["input"],
        **{key: entry[key] for key in ("state_key",) if key in entry},
    }


def external_architecture_code(wildcards):
    """The module of the architecture, unless it is the user's own: that is an input."""
    word = study.config["external"][wildcards.name]["architecture"]
    return [] if ":" in word else [f"sparse_topology/networks/architectures/{word}.py"]


def external_products(names):
    """Every file of these external networks, whose inputs are checked before anything runs."""
    for name in names:
        for key, path in external_files(SimpleNamespace(name=name)).items():
            if key != "imported" and not Path(path).is_file():
                sys.exit(
                    f"Error in the config: external.{name}.{key}: there is no file {path!r} in {os.getcwd()}, where the "
                    "command runs"
                )
    folders = [EXTERNAL.format(name=name) for name in names]
    products = [path for folder in folders for path in graph_products(folder, study.encoded, study.metrics)]
    return [f"{folder}/{name}" for folder in folders for name in ("topometrics.csv", "geometry.npz")] + products
