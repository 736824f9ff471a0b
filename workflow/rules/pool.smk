# All networks of the study as two tables; what made them.


include: "functions/pool.smk"


rule pool:
    input:
        training=expand(rules.train_sparse.output.record, zip, **columns(study.networks)),
        masks=expand(rules.prune.output.mask, zip, **columns(study.networks)),
        metrics=[path for n in study.networks for path in network_record(n)["metrics"].values()],
        own=[path for n in study.own for path in (own_record(n)["mask"], *own_record(n)["metrics"].values())],
        dense=expand(rules.train_dense.output.record, zip, **columns(study.dense)),
        datasets=expand(DATASET["info"], dataset=study.config["datasets"]),
        none=lambda w: whole_edge_lists(),
    output:
        topometrics="results/topometrics.parquet",
        layers="results/layers.parquet",
    log:
        "results/logs/pool.log",
    benchmark:
        "results/benchmarks/pool.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(2000),
        runtime=30,
    params:
        networks=[network_record(n) for n in study.networks] + [own_record(n) for n in study.own],
        dense=[dense_record(n) for n in study.dense] + own_dense_records(),
        datasets={word: placed(DATASET["info"].format(dataset=word)) for word in sorted(study.config["datasets"])},
        cfg={
            "encodings": study.encodings,
            "families": study.declared_families,
            "layer_metrics": study.layer_metrics,
        },
        # By content and not by path, which is another one with --directory and in another workflow.
        contents=lambda w: files_digest({"parameters": PATH_SCORE}),
        path_score=lambda w, output: PATH_SCORE,
        code=lambda w: code_hash("pool.py"),
    script:
        "../scripts/pool.py"


# After every change of a table, since the command and the commit that made it are then new; and never before one, so
# that a run whose tables failed does not say that it made them.
rule manifest:
    input:
        "results/{pool}topometrics.parquet",
        lambda w: [f"results/{w.pool}tables/{name}.csv" for name in reported_tables(w.pool)],
    output:
        "results/{pool}manifest.json",
    log:
        "results/logs/{pool}manifest.log",
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
        runtime=5,
    params:
        cfg=study.settings,
        places=lambda w, output: {"data_dir": study.config["data_dir"], "configfiles": CONFIGFILES},
        code=lambda w: code_hash("manifest.py"),
    script:
        "../scripts/manifest.py"
