# Images and labels, decoded once into arrays that every later job maps into memory (paper, section 4 and appendix A.1).


def dataset_script(wildcards):
    return "folder" if "path" in study.options(wildcards.dataset) else wildcards.dataset


rule dataset:
    output:
        **DATASET,
    params:
        script=lambda w: dataset_script(w),
        cfg=lambda w: {"data_dir": config["data_dir"], **study.options(w.dataset)},
        code=lambda w: code_hash(f"dataset_{dataset_script(w)}.py"),
    log:
        "results/logs/dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/dataset/{dataset}.tsv"
    threads: 1
    resources:
        mem_mb=rising(4000),
        runtime=60,
    script:
        "../scripts/dataset_{params.script}.py"
