"""Measure the main job: the default study, a real screen from counts to report, and an empty job.

``python benchmarks/main_job.py`` (``make benchmark``) prints a table and, last, one line of JSON:
``default_run_s``, ``papalexi_s``, ``papalexi_peak_gb`` (resident memory of all processes together,
sampled ten times a second), ``job_overhead_s``. One run each, on two cores, in temporary folders.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[1]
EMPTY_JOBS = """
rule all:
    input: expand("{{job}}.txt", job=range({jobs}))
rule nothing:
    output: "{{job}}.txt"
    log: "{{job}}.log"
    script: "nothing.py"
"""
EMPTY_SCRIPT = """
from perturbselect.files import write_bytes
from perturbselect.job import logged

with logged(snakemake.log[0]):
    write_bytes(b"", snakemake.output[0])
"""


def measured(command: list[str]) -> tuple[float, float]:
    """Run a command; return seconds and the peak resident GB of it and its children."""
    start, peak, done = time.perf_counter(), 0, threading.Event()
    with tempfile.TemporaryFile() as output:
        process = psutil.Popen(command, stdout=output, stderr=subprocess.STDOUT)

        def sample() -> None:
            nonlocal peak
            while not done.wait(0.1):
                total = 0
                try:
                    for child in [process, *process.children(recursive=True)]:
                        try:
                            total += child.memory_info().rss
                        except psutil.NoSuchProcess:
                            continue
                except psutil.NoSuchProcess:
                    return
                peak = max(peak, total)

        sampler = threading.Thread(target=sample, daemon=True)
        sampler.start()
        code = process.wait()
        seconds = time.perf_counter() - start
        done.set()
        sampler.join()
        if code:
            output.seek(0)
            sys.exit(output.read().decode()[-5000:])
    return seconds, peak / 1e9


def study(config: str) -> tuple[float, float]:
    """Run a study from an empty folder, on two cores."""
    with tempfile.TemporaryDirectory() as folder:
        return measured(
            [
                *(
                    sys.executable,
                    "-m",
                    "snakemake",
                    "--cores",
                    "2",
                    "--snakefile",
                    str(REPOSITORY / "Snakefile"),
                ),
                *("--configfile", str(REPOSITORY / config), "--directory", folder),
            ]
        )


def job_overhead(jobs: int = 20) -> float:
    """Seconds that a job costs which does nothing, Snakemake's own start left out."""
    seconds = {}
    for count in (1, jobs + 1):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "Snakefile").write_text(EMPTY_JOBS.format(jobs=count))
            (folder / "nothing.py").write_text(EMPTY_SCRIPT)
            command = [sys.executable, "-m", "snakemake", "--cores", "1", "--directory", name]
            seconds[count] = measured([*command, "--snakefile", str(folder / "Snakefile")])[0]
    return (seconds[jobs + 1] - seconds[1]) / jobs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    default_s, default_gb = study("config/config.yaml")
    print(f"{'default study (simulated)':34}{default_s:8.1f} s {default_gb:6.2f} GB", flush=True)
    papalexi_s, papalexi_gb = study("config/real/papalexi2021.yaml")
    print(f"{'Papalexi 2021, counts to report':34}{papalexi_s:8.1f} s {papalexi_gb:6.2f} GB", flush=True)
    overhead = job_overhead()
    print(f"{'a job that does nothing':34}{overhead:8.2f} s", flush=True)
    figures = {
        "default_run_s": default_s,
        "papalexi_s": papalexi_s,
        "papalexi_peak_gb": papalexi_gb,
        "job_overhead_s": overhead,
    }
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
