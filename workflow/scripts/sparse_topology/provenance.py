"""What a training record says about where it was made: versions, device, and the state of the code's git repository."""

import platform
import subprocess
from pathlib import Path
from types import ModuleType


def versions(*modules: ModuleType) -> dict[str, str]:
    return {"python": platform.python_version()} | {module.__name__: module.__version__ for module in modules}


def git_state() -> dict | None:
    """Commit and whether tracked files differ from it, read now; None outside a repository or without git."""
    git = ["git", "-C", str(Path(__file__).resolve().parent)]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changes = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return {"commit": commit, "dirty": bool(changes)}
