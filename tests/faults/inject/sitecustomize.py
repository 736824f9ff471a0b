"""Python runs this at its start where the folder is on PYTHONPATH: a job whose script FAULT names fails as it says.

FAULT: "<script>:<kind>" with the kinds of `KINDS` in test_stale_results. The workflow's own code stays as it is.
"""

import atexit
import os
import signal
import sys

script, _, kind = os.environ.get("FAULT", "").partition(":")
if script and any(argument.endswith(f".{script}") for argument in sys.orig_argv):
    if kind == "error":
        sys.exit("broken on purpose")
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "late":  # after its outputs are written
        atexit.register(os._exit, 1)
