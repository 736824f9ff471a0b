# make quickstart   the default study, from nothing to results/report.html
# make test         lint and tests
# make test-study   tests of the results of the default study, which runs first
# make test-faults  the slow tests: kill -9, full disk, read-only results, two runs at once; and, where Slurm is
#                   installed (Debian's slurmctld slurmd slurm-client munge; root), runs on a Slurm that the test starts
# make test-slurm   the default study on that Slurm (half an hour)
# make format       what the linters would complain about, mended
# make lock         requirements.lock and envs/ anew, from what .venv holds

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed

.PHONY: quickstart test test-study test-faults test-slurm lint format lock

quickstart: $(STAMP)
	$(BIN)/snakemake --cores all
	@echo "Open results/report.html"

test: $(STAMP) lint
	$(BIN)/python -m pytest -n auto --durations=10

test-study: quickstart
	$(BIN)/python -m pytest -m study tests/test_default_study.py

test-faults: $(STAMP)
	$(BIN)/python -m pytest -m faults -n 2 --dist loadfile -v -rs --durations=10 tests/faults -k "not default_study"

test-slurm: $(STAMP)
	$(BIN)/python -m pytest -m faults -v -rs --durations=0 tests/faults -k default_study

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/rules

lock: $(STAMP)
	$(BIN)/python envs/lock.py

# The stamp appears only after a complete installation, so an interrupted one is taken up again.
$(STAMP): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	touch $(STAMP)
