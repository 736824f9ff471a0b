"""What a training record says about where it was made: versions, device, and the state of the code's git repository."""

import platform
import subprocess
from pathlib import Path
from types import ModuleType

CODE = Path(__file__).resolve().parents[2]  # workflow/


def versions(*modules: ModuleType) -> dict[str, str]:
    return {"python": platform.python_version()} | {module.__name__: module.__version__ for module in modules}


def git_state() -> dict | None:
    """Commit, whether files differ from it, and which, read now; None outside a repository or without git.

    Before each path are git's two letters, `??` for a file that git neither knows nor ignores. Such files count where
    code lies, in the folder `workflow`: results and settings may lie anywhere.
    """
    git = ["git", "-C", str(Path(__file__).resolve().parent)]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        top = subprocess.run([*git, "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=True).stdout
        status = ["git", "--no-optional-locks", "-C", top.rstrip("\n"), "status", "--porcelain"]
        kinds = ["--untracked-files=no"], ["--untracked-files=all", "--", str(CODE)]
        found = [subprocess.run([*status, *kind], capture_output=True, text=True, check=True).stdout for kind in kinds]
        changes = list(dict.fromkeys(line for text in found for line in text.splitlines()))
    except (OSError, subprocess.CalledProcessError):
        return None
    return {"commit": commit, "dirty": bool(changes), "changes": changes}
