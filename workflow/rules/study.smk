"""Study: CLR-Face over grids of settings, where its mask acts, and how its networks' losses went."""


rule sweep:
    input:
        unpack(lambda wildcards: study_inputs(config["sweeps"][wildcards.sweep])),
    output:
        table="results/{sweep}.csv",
        figure="results/figures/{sweep}.png",
    log:
        "results/logs/sweep/{sweep}.log",
    benchmark:
        "results/benchmarks/sweep/{sweep}.tsv"
    wildcard_constraints:
        sweep="|".join(config["sweeps"]) or "none",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=GPU,
    params:
        spec=sweep_spec,
        args=lambda wildcards: study_args(config["sweeps"][wildcards.sweep]),
        along=lambda wildcards: config["sweeps"][wildcards.sweep]["along"],
        code=study_code("clrface.study.sweep", "clrface.report.curves"),
    shell:
        step(
            "sweep {params.args} --spec {params.spec:q} --along {params.along} --aligned {input.aligned}"
            " --degraded {input.degraded} --out {output.table} --figure {output.figure}",
            live=True,
        )


rule mask_maps:
    input:
        unpack(lambda wildcards: study_inputs(config["mask_maps"])),
    output:
        table="results/mask.csv",
        figure="results/figures/mask.png",
    log:
        "results/logs/mask_maps/mask.log",
    benchmark:
        "results/benchmarks/mask_maps/mask.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=GPU,
    params:
        args=study_args(config["mask_maps"]),
        code=study_code("clrface.study.mask_maps"),
    shell:
        step(
            "mask-maps {params.args} --aligned {input.aligned} --degraded {input.degraded}"
            " --out {output.table} --figure {output.figure}"
        )


rule losses:
    input:
        training_records(),
    output:
        "results/figures/losses.png",
    log:
        "results/logs/losses/losses.log",
    benchmark:
        "results/benchmarks/losses/losses.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        logs=" ".join(loss_logs()),
        code=fingerprint("clrface.report.curves"),
    shell:
        step("losses {params.logs} --out {output}")
