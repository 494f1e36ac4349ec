"""Study: CLR-Face over grids of settings, one face on its way through it, where its mask acts, how its codebook is used, how its networks' losses went."""


rule sweep:
    input:
        unpack(planned(studies.sweep_inputs, "sweep")),
    output:
        report("results/{sweep}.csv", caption="../report/sweep.rst", category="Studies", labels={"study": "{sweep}", "shows": "numbers"}),
    log:
        "results/logs/sweep/{sweep}.log",
    benchmark:
        "results/benchmarks/sweep/{sweep}.tsv"
    wildcard_constraints:
        sweep=either(PLAN.sweeps),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=PLAN.gpus,
    params:
        spec=planned(studies.sweep_spec, "sweep"),
        args=planned(studies.sweep_args, "sweep"),
    shell:
        step(
            "sweep {params.args} --spec {params.spec:q} --aligned {input.aligned} --degraded {input.degraded}"
            " --cache results/cache --out {output}",
            live=True,
        )


rule sweep_figure:
    input:
        "results/{sweep}.csv",
    output:
        png=report(
            "results/figures/{sweep}.png",
            caption="../report/sweep.rst",
            category="Studies",
            labels={"study": "{sweep}", "shows": "figure"},
        ),
        pdf="results/figures/{sweep}.pdf",
    log:
        "results/logs/sweep_figure/{sweep}.log",
    benchmark:
        "results/benchmarks/sweep_figure/{sweep}.tsv"
    wildcard_constraints:
        sweep=either(PLAN.sweeps),
    conda:
        "../../environment.yml"
    threads: 1
    params:
        args=planned(studies.sweep_figure_args, "sweep"),
        code=fingerprint("clrface.report.curves"),
    shell:
        step("sweep-figure {input} {params.args} --out {output.png}")


rule cost:
    input:
        unpack(planned(studies.cost_inputs)),
    output:
        csv=report("results/table6.csv", caption="../report/cost.rst", category="Tables", labels={"table": "table6", "shows": "costs"}),
        json="results/table6.json",
        md="results/table6.md",
        tex="results/table6.tex",
    log:
        "results/logs/cost/table6.log",
    benchmark:
        "results/benchmarks/cost/table6.tsv"
    conda:
        "../../environment.yml"
    threads: lambda wildcards: all_cores()  # alone on the machine: another job beside it would be part of the seconds
    resources:
        gpu=PLAN.gpus,
    params:
        spec=planned(studies.cost_spec),
        args=planned(studies.cost_args),
    shell:
        step(
            "cost {params.args} --spec {params.spec:q} --aligned {input.aligned} --degraded {input.degraded} --out {output.csv}",
            live=True,
            launcher=STEP.replace("{threads}", "1"),
        )


rule codebook:
    input:
        unpack(planned(studies.mask_inputs)),
    output:
        report(
            "results/codebook.json", caption="../report/codebook.rst", category="Studies", labels={"study": "codebook", "shows": "numbers"}
        ),
    log:
        "results/logs/codebook/codebook.log",
    benchmark:
        "results/benchmarks/codebook/codebook.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        args=planned(studies.mask_args),
        code=planned(studies.study_code, modules=["clrface.study.codebook"]),
    shell:
        step("codebook {params.args} --aligned {input.aligned} --degraded {input.degraded} --out {output}")


rule mask_maps:
    input:
        unpack(planned(studies.mask_inputs)),
    output:
        table=report("results/mask.csv", caption="../report/mask.rst", category="Studies", labels={"study": "mask", "shows": "numbers"}),
        figure=report(
            "results/figures/mask.png", caption="../report/mask.rst", category="Studies", labels={"study": "mask", "shows": "figure"}
        ),
        pdf="results/figures/mask.pdf",
    log:
        "results/logs/mask_maps/mask.log",
    benchmark:
        "results/benchmarks/mask_maps/mask.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=PLAN.gpus,
    params:
        args=planned(studies.mask_args),
        code=planned(studies.study_code, modules=["clrface.study.mask_maps"]),
    shell:
        step(
            "mask-maps {params.args} --aligned {input.aligned} --degraded {input.degraded}"
            " --out {output.table} --figure {output.figure}"
        )


rule overview:
    input:
        unpack(planned(studies.mask_inputs)),
    output:
        png=report(
            "results/figures/overview.png",
            caption="../report/overview.rst",
            category="Studies",
            labels={"study": "overview", "shows": "figure"},
        ),
        pdf="results/figures/overview.pdf",
    log:
        "results/logs/overview/overview.log",
    benchmark:
        "results/benchmarks/overview/overview.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=PLAN.gpus,
    params:
        args=planned(studies.mask_args),
        settings=planned(studies.clrface_settings),
        base_seed=PLAN.base_seed,
        code=planned(studies.study_code, modules=["clrface.study.overview"]),
    shell:
        step(
            "overview {params.args} --images 1 --settings {params.settings:q} --base-seed {params.base_seed}"
            " --aligned {input.aligned} --degraded {input.degraded} --out {output.png}"
        )


rule losses:
    input:
        training.records(PLAN),
    output:
        png=report("results/figures/losses.png", caption="../report/losses.rst", category="Training", labels={"shows": "losses"}),
        pdf="results/figures/losses.pdf",
    log:
        "results/logs/losses/losses.log",
    benchmark:
        "results/benchmarks/losses/losses.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        logs=" ".join(training.loss_logs(PLAN)),
        code=fingerprint("clrface.report.curves"),
    shell:
        step("losses {params.logs} --out {output.png}")
