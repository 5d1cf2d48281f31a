"""The package beside the rules, which they and the jobs import.

Provides: PACKAGE, the folder it is in: `workflow/` of this repository.
"""

import os
import sys
from pathlib import Path

import git
from snakemake.sourcecache import LocalSourceFile


def workflow_folder(rules):
    """Folder above these rules; of a module that is read from GitHub or GitLab, in a checkout.

    The rules import the package beside them, and Snakemake takes only rules and scripts from its clone.
    """
    if isinstance(rules, LocalSourceFile):
        return Path(rules.get_path_or_uri(secret_free=True)).resolve().parent
    fetched = rules.hosted_repo.repo
    commit = fetched.commit(rules.ref).hexsha
    folder = Path(".snakemake", "perturbselect", commit).resolve()
    if not folder.exists():
        partial = folder.with_name(f"{commit}.partial{os.getpid()}")
        git.Repo.clone_from(fetched.git_dir, partial, no_checkout=True).git.checkout(commit)
        partial.rename(folder)
    return (folder / rules.path).parent


# Whatever else is installed.
PACKAGE = str(workflow_folder(workflow.current_basedir))
sys.path.insert(0, PACKAGE)
os.environ.update(PYTHONPATH=os.pathsep.join([PACKAGE, *filter(None, [os.environ.get("PYTHONPATH")])]))
