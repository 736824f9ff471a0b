# What a data set's script is told.


def dataset_script(wildcards):
    return "folder" if "path" in study.options(wildcards.dataset) else wildcards.dataset


def dataset_cfg(wildcards):
    """A data set's settings: of a folder of images its contents, and not where it lies."""
    cfg = study.options(wildcards.dataset)
    if "path" in cfg and not Path(cfg["path"], "train").is_dir():
        what = f"{cfg['path']!r} is no folder with train/<class>/* and test/<class>/*"
        sys.exit(f"Error in the config: options.{wildcards.dataset}.path: {what}")
    return cfg | {"path": folder_digest(cfg["path"])} if "path" in cfg else cfg


def dataset_places(wildcards, output):
    """Where its files lie. Snakemake compares no parameter that is a function of the output: moving them reruns nothing;
    archives are the same everywhere, since their checksums are known."""
    options = study.options(wildcards.dataset)
    return {"data_dir": study.config["data_dir"]} | ({"path": options["path"]} if "path" in options else {})
