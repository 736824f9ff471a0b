# The initialisation that a dense and seven sparse networks share, and their training (paper, appendix A.4).


def training_cfg(wildcards):
    return {
        "architecture": wildcards.architecture,
        "architecture_options": study.options(wildcards.architecture),
        "seed": int(wildcards.seed),
        **study.recipe(wildcards.dataset, wildcards.architecture),
    }


rule init:
    input:
        info=DATASET["info"],
    output:
        model=CELL + "/init/{seed}/model.pt",
    params:
        cfg=lambda w: {
            "architecture": w.architecture,
            "architecture_options": study.options(w.architecture),
            "seed": int(w.seed),
        },
        code=lambda w: code_hash("init.py", architecture_code(w)),
    log:
        "results/logs/init/{dataset}/{architecture}/{seed}.log",
    benchmark:
        "results/benchmarks/init/{dataset}/{architecture}/{seed}.tsv"
    threads: 1
    resources:
        mem_mb=rising(2000),
        runtime=10,
    script:
        "../scripts/init.py"


rule train_dense:
    input:
        **DATASET,
        init=rules.init.output.model,
    output:
        model=CELL + "/dense/{seed}/model.pt",
        record=CELL + "/dense/{seed}/training.json",
    params:
        cfg=training_cfg,
        code=lambda w: code_hash("train.py", architecture_code(w)),
    log:
        "results/logs/train_dense/{dataset}/{architecture}/{seed}.log",
    benchmark:
        "results/benchmarks/train_dense/{dataset}/{architecture}/{seed}.tsv"
    threads: 1
    resources:
        mem_mb=rising(4000),
        runtime=240,
        gpu=GPU,
    script:
        "../scripts/train.py"


rule train_sparse:
    input:
        **DATASET,
        init=rules.init.output.model,
        mask=NETWORK + "/mask.npz",
    output:
        model=NETWORK + "/model.pt",
        record=NETWORK + "/training.json",
    params:
        cfg=training_cfg,
        code=lambda w: code_hash("train.py", architecture_code(w)),
    log:
        "results/logs/train_sparse/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.log",
    benchmark:
        "results/benchmarks/train_sparse/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.tsv"
    threads: 1
    resources:
        mem_mb=rising(4000),
        runtime=240,
        gpu=GPU,
    script:
        "../scripts/train.py"
