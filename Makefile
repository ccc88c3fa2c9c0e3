# make demo  — set up everything and run the main job        make test — set up and run the tests
# make stop  — stop what demo started (by pid)               make clean — remove everything that was made
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
YIDANG := .yidang/venv/platform/bin/yidang

.PHONY: demo test stop clean lock
demo:
	@$(PYTHON) scripts/setup_environments.py platform superset
	@$(YIDANG) demo

test:
	@$(PYTHON) scripts/setup_environments.py platform superset dev
	@.yidang/venv/platform/bin/python scripts/setup_test_tools.py
	@.yidang/venv/platform/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST)

stop:
	@if [ -x $(YIDANG) ]; then $(YIDANG) stop; else echo "Nothing to stop: this clone was never set up."; fi

clean: stop
	@if [ -x $(YIDANG) ]; then $(YIDANG) clean; fi
	@rm -rf .yidang dbt_project/target dbt_project/logs

lock:
	@$(PYTHON) scripts/setup_environments.py --lock
