"""Study: CLR-Face over grids of settings, where its mask acts, how its codebook is used, how its networks' losses went."""


rule sweep:
    input:
        unpack(lambda wildcards: study_inputs(config["sweeps"][wildcards.sweep])),
    output:
        "results/{sweep}.csv",
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
    shell:
        step(
            "sweep {params.args} --spec {params.spec:q} --aligned {input.aligned} --degraded {input.degraded} --out {output}",
            live=True,
        )


rule sweep_figure:
    input:
        "results/{sweep}.csv",
    output:
        "results/figures/{sweep}.png",
    log:
        "results/logs/sweep_figure/{sweep}.log",
    benchmark:
        "results/benchmarks/sweep_figure/{sweep}.tsv"
    wildcard_constraints:
        sweep="|".join(config["sweeps"]) or "none",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        args=sweep_figure_args,
        code=fingerprint("clrface.report.curves"),
    shell:
        step("sweep-figure {input} {params.args} --out {output}")


rule cost:
    input:
        unpack(lambda wildcards: cost_inputs()),
    output:
        csv="results/table6.csv",
        json="results/table6.json",
        md="results/table6.md",
        tex="results/table6.tex",
    log:
        "results/logs/cost/table6.log",
    benchmark:
        "results/benchmarks/cost/table6.tsv"
    conda:
        "../../environment.yml"
    threads: workflow.cores  # alone on the machine: another job beside it would be part of the seconds
    resources:
        gpu=GPU,
    params:
        spec=cost_spec(),
        args=study_args(config["cost"]),
    shell:
        step(
            "cost {params.args} --spec {params.spec:q} --aligned {input.aligned} --degraded {input.degraded} --out {output.csv}",
            live=True,
            launcher=STEP.replace("{threads}", "1"),
        )


rule codebook:
    input:
        unpack(lambda wildcards: study_inputs(config["mask_maps"])),
    output:
        "results/codebook.json",
    log:
        "results/logs/codebook/codebook.log",
    benchmark:
        "results/benchmarks/codebook/codebook.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        args=study_args(config["mask_maps"]),
        code=study_code("clrface.study.codebook"),
    shell:
        step("codebook {params.args} --aligned {input.aligned} --degraded {input.degraded} --out {output}")


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
