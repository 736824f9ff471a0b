"""What every script's last lines share: the log, and the one-line message for an input that is at fault."""

import contextlib
import os
import sys
import traceback
from pathlib import Path


class InputError(Exception):
    """Something the user can mend: a setting, a file. Its message is one line, below 500 characters, of what to do."""

    def __init__(self, message: str):
        line = " ".join(message.splitlines())
        super().__init__(line if len(line) < 500 else f"{line[:340]} ... {line[-150:]}")


@contextlib.contextmanager
def job(log):
    """Send everything the body prints to the file `log`, and end the process with 1 if the body fails.

    An InputError is reported as its message alone, anything else with its traceback, both as the log's last lines,
    which Snakemake shows for a failed job (`show-failed-logs`). A system error (a full disk, no permission) may keep
    the log from being written, so it also goes to where the job was started.
    """
    Path(str(log)).parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
    terminal = os.dup(2)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", line_buffering=True)
    try:
        yield
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        os.write(terminal, f"Error: {error}\n".encode())
        with contextlib.suppress(OSError):
            traceback.print_exc()
        os._exit(1)  # an orderly exit would flush to the log, and fail for the same reason
    except Exception:
        traceback.print_exc()
        sys.exit(1)
