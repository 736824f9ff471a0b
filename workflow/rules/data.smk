# Images and labels, decoded once into arrays that every later job maps into memory (paper, section 4 and appendix A.1).


include: "functions/data.smk"


# Runs where the command runs: nodes of a cluster often have no internet.
rule dataset:
    output:
        **DATASET,
    log:
        "results/logs/dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/dataset/{dataset}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(4000),
        runtime=60,
    params:
        script=lambda w: dataset_script(w),
        cfg=dataset_cfg,
        places=dataset_places,
        code=lambda w: code_hash(f"dataset_{dataset_script(w)}.py"),
    script:
        "../scripts/dataset_{params.script}.py"
