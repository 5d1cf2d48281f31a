# `snakemake --cores 8` starts here. The workflow itself is in workflow/Snakefile.

# A study given with --configfile replaces the default one; keys given with --config change it.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


module main:
    snakefile:
        "workflow/Snakefile"
    config:
        config


use rule * from main
