"""Write Snakemake's own report, of the files made so far."""

import subprocess
import sys

from perturbselect.job import logged

with logged(snakemake.log[0]):
    # The run that this job is part of holds the lock.
    command = [snakemake.params.python, "-m", "snakemake", "--nolock", "--cores", "1"]
    command += ["--snakefile", snakemake.params.snakefile, "--configfile", "results/study.yaml"]
    command += ["--report", snakemake.output[0], "--", *snakemake.input]
    subprocess.run(command, stdout=sys.stdout, stderr=subprocess.STDOUT, check=True)
