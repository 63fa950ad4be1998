# Everything is set up in .venv by the first target that needs it; only Python 3.11 or newer and make are asked for.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test lint flows knowledge-eval drawings fuzz bench bench-enterprise flow-cost ledger-cost growth loadtest kill-test swap-test chaos-test races spend-test simulate clean

demo: $(READY) ## a sample shop in the browser: http://127.0.0.1:8080/phone
	$(BIN)/frontdesk demo --once
	@echo "Now by hand: $(BIN)/frontdesk demo"

test: $(READY) lint ## everything that must hold; simulations are not counted as coverage, which would make them three times as slow
	$(BIN)/coverage erase
	$(BIN)/pytest -q -n 2 --dist worksteal tests/simulation
	COVERAGE_PROCESS_START=pyproject.toml $(BIN)/pytest -q -n 2 --dist worksteal --ignore tests/simulation
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --fail-under=90 --format=total
	$(BIN)/coverage report --fail-under=98 --format=total --include='src/frontdesk/core/*'

lint: $(READY)
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

flows: $(READY) ## the sample shop's flows: checked, and their examples played
	$(BIN)/frontdesk flow check
	$(BIN)/frontdesk flow test --min-coverage 90

knowledge-eval: $(READY) ## recall@5 and MRR of the sample shop's knowledge, by words alone
	$(BIN)/frontdesk knowledge eval --min-recall 0.9

FLOWS = $(filter-out rules tools %.test,$(patsubst config/flows/%.yaml,%,$(wildcard config/flows/*.yaml)))

drawings: $(READY) ## the pictures of the sample shop's flows in docs/flows
	$(BIN)/frontdesk flow graph --format svg --output docs/flows/all.svg
	for flow in $(FLOWS); do $(BIN)/frontdesk flow graph $$flow --format svg --output docs/flows/$$flow.svg || exit 1; done

fuzz: $(READY) ## damage flow files for SECONDS=60; guided by coverage where atheris is installed
	PYTHONPATH=tests $(BIN)/python -m flows.fuzz --seconds $(or $(SECONDS),60) --seed $(or $(SEED),0)

bench: $(READY) ## acks and turns a second against a bare Starlette, in one run
	$(BIN)/python loadtests/bench.py

bench-enterprise: $(READY) ## turns a second of one and of two worker processes on PostgreSQL and Redis, COUNT=6000
	$(BIN)/python loadtests/bench_enterprise.py --count $(or $(COUNT),6000) --rounds $(or $(ROUNDS),3)

growth: $(READY) ## what a turn costs the store as it grows, STORE=postgres|sqlite CONTACTS=recent|all MESSAGES=1000000
	$(BIN)/python loadtests/growth.py --store $(or $(STORE),postgres) --contacts $(or $(CONTACTS),recent) --messages $(or $(MESSAGES),1000000)

ledger-cost: $(READY) ## what caps cost: reservations a second, and with a million lines in the ledger
	$(BIN)/python loadtests/ledger_cost.py

flow-cost: $(READY) ## what a step of a flow costs, with ten flows and with a thousand
	$(BIN)/python loadtests/flow_cost.py

loadtest: $(READY) ## locust against the emulator; CUSTOMERS=1000 SECONDS=120 for the long one
	$(BIN)/python loadtests/run.py --customers $(or $(CUSTOMERS),50) --seconds $(or $(SECONDS),20)

kill-test: $(READY) ## kill -9 under load, KILLS=50 VENDOR=meta|msg91
	PYTHONPATH=tests $(BIN)/python -m process.kills --kills $(or $(KILLS),50) --vendor $(or $(VENDOR),meta)

swap-test: $(READY) ## the number goes to the other vendor at each of KILLS=100 kills, under load; MORE=--hears-former: the one before is heard
	PYTHONPATH=tests $(BIN)/python -m process.kills --kills $(or $(KILLS),100) --swaps $(MORE)

chaos-test: $(READY) ## enterprise mode while everything breaks, KILLS=40; MORE=--supervised and others: see process.chaos --help
	PYTHONPATH=tests $(BIN)/python -m process.chaos --kills $(or $(KILLS),40) $(MORE)

races: $(READY) ## processes that race for one PostgreSQL store, MESSAGES=6000 and three times
	PYTHONPATH=tests $(BIN)/python -m process.races race --messages $(or $(MESSAGES),6000)

spend-test: $(READY) ## 200 customers at a cap and kill -9 in the middle of models' calls, on both stores, KILLS=20
	PYTHONPATH=tests $(BIN)/python -m process.spending --kills $(or $(KILLS),20)

simulate: $(READY) ## SEEDS=0:20000
	$(BIN)/python -m frontdesk.testing.simulator --seeds $(or $(SEEDS),0:20000)

clean:
	rm -rf .venv .coverage* build dist

$(READY): requirements-development.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Frontdesk needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-development.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)
