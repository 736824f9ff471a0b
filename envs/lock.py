"""Write requirements.lock and the conda environment from what the running interpreter has installed (`make lock`)."""

import sys
from importlib import metadata
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
LINUX_ONLY = ("nvidia-", "cuda-", "triton")  # torch needs them on Linux with an x86-64 processor only
TOOLS = {"pip", "setuptools", "wheel"}


def lock(installed: dict[str, str]) -> str:
    """One line `name==version` per package, sorted, with a marker where a package exists for one platform only."""
    lines = ["# Made by `make lock`. Python 3.11 to 3.13."]
    for name in sorted(set(installed) - TOOLS):
        marker = " ; platform_system == 'Linux' and platform_machine == 'x86_64'" if name.startswith(LINUX_ONLY) else ""
        lines.append(f"{name}=={installed[name]}{marker}")
    return "\n".join(lines) + "\n"


def conda(lock_text: str) -> str:
    """A conda environment with the same releases, taken by pip from the lock's lines."""
    pins = [line for line in lock_text.splitlines() if line and not line.startswith("#")]
    head = ["# Made by `make lock` from requirements.lock; never solved by conda here.", "name: sparse-topology"]
    head += ["channels: [conda-forge]", "dependencies:", "  - python=3.11", "  - pip", "  - pip:"]
    return "\n".join(head + [f'      - "{pin}"' for pin in pins]) + "\n"


if __name__ == "__main__":
    installed = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in metadata.distributions()}
    text = lock(installed)
    (REPO / "requirements.lock").write_text(text)
    (REPO / "envs" / "workflow.yaml").write_text(conda(text))
    print(f"{len(installed)} packages locked", file=sys.stderr)
