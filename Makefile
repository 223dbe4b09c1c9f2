# Everything here works on a machine with Python 3.11 or 3.12 and make; the rest is installed into .venv.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
MANAGE = $(PYTHON) manage.py
ifdef MODELS
export ASSENT_MODELS = $(MODELS)
endif

.DEFAULT_GOAL := help
BENCHES = audioseal audit consent default engine main preview provenance spoken stream text verdict watermark
.PHONY: help up down setup test demo doctor format clean lock openapi parity mutants $(BENCHES:%=bench-%)

help: ## this list
	@grep -hE '^#?[A-Za-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^#?([A-Za-z-]+):.*## /\1\t/' | expand -t 18

up: ## set up what is missing and run the service  [PORT=8000 HOST=127.0.0.1 TLS=cert.pem,key.pem MODELS=none]
	@$(MANAGE) up --host $(HOST) --port $(PORT) $(if $(TLS),--tls $(TLS))

down: ## stop it
	@$(MANAGE) down

setup: ## make the environment without starting anything
	@$(MANAGE) setup

test: ## lint, types, import contracts, tests  [STRICT=1: slow ones too, and a skip fails]
	@$(MANAGE) test $(if $(filter 1,$(STRICT)),--strict)

demo: ## a voice's life from end to end: consent, speech, verification, tampering, revocation
	@$(MANAGE) demo

doctor: ## what is installed, active, missing, unprotected, and how to mend it
	@$(MANAGE) doctor

format: ## put the code into the form that `make test` asks for
	@$(MANAGE) setup --dev && .venv/bin/ruff format . && .venv/bin/ruff check --fix .

lock: ## renew the lock of all packages after a change in pyproject.toml  [UPGRADE=1: newest releases]
	@$(MANAGE) lock $(if $(filter 1,$(UPGRADE)),--upgrade)

openapi: ## write the schema of the API to docs/openapi.yaml
	@.venv/bin/python manage.py spectacular --file docs/openapi.yaml --validate --fail-on-warn

clean: ## remove the environment and caches; data and keys stay
	@$(MANAGE) clean

#bench-NAME: ## measure audioseal, audit, consent, default, engine, main, preview, provenance, spoken, stream, text, verdict or watermark; writes docs/benchmarks
$(BENCHES:%=bench-%): bench-%:
	@$(MANAGE) setup --bench && .venv/bin/python -m benchmarks.$*

mutants: ## break the code in a hundred places, one after the other, in a copy: do the tests notice?
	@$(MANAGE) setup --dev && .venv/bin/python -m benchmarks.mutants

parity: ## compare GPT-SoVITS with a folder of golden vectors  [GOLDENS=DIR]
	@.venv/bin/python -m synth.gptsovits.parity $(GOLDENS); networks=$$?; \
	.venv/bin/python -m synth.text.parity $(GOLDENS) && exit $$networks
