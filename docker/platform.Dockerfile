# Airflow, dbt, Great Expectations and yidang in one image: api-server, scheduler, dag-processor and the one-shot init
# differ only in the command. Build from the repository's root:
#   docker build -f docker/platform.Dockerfile -t yidang/platform .
# Behind a mirror or a private certificate, add: --secret id=pip_conf,src=PIP.CONF --secret id=ca_bundle,src=BUNDLE.PEM
# (secrets are mounted for the one step that installs; no layer keeps them).
ARG BASE=debian:bookworm-slim
FROM ${BASE}

# Both images share two volumes, so the user has one fixed uid.
ARG EXTRA_PACKAGES=""
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    ca-certificates python3 python3-venv tini tzdata ${EXTRA_PACKAGES} \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
 && useradd --uid 10001 --user-group --home-dir /var/lib/yidang --no-create-home --shell /usr/sbin/nologin yidang \
 && install -d -o yidang -g yidang -m 0700 /var/lib/yidang /var/lib/yidang/superset /var/lib/yidang-secrets

# The same script, locks and layout as `make demo`; the package's empty shell is enough for its editable install,
# so that a change of code does not install the environment again.
WORKDIR /opt/yidang
COPY pyproject.toml ./
COPY requirements/uv.txt requirements/platform.txt requirements/
COPY scripts/setup_environments.py scripts/
COPY yidang/__init__.py yidang/
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    python3 scripts/setup_environments.py platform && rm -rf .yidang/venv/uv .yidang/venv/platform/.lock

COPY dags dags
COPY dbt_project dbt_project
COPY departments departments
COPY expectations expectations
COPY superset superset
COPY yidang yidang
COPY docker/entrypoint.py docker/health.py docker/
RUN .yidang/venv/platform/bin/python -m compileall -q dags docker yidang

ENV PATH=/opt/yidang/.yidang/venv/platform/bin:$PATH \
    YIDANG_HOME=/var/lib/yidang \
    YIDANG_SECRETS_FILE=/var/lib/yidang-secrets/secrets.json
USER 10001:10001
# tini reaps the workers of a killed scheduler and passes the stop signal to the whole group.
ENTRYPOINT ["tini", "-g", "--", "python", "/opt/yidang/docker/entrypoint.py"]
CMD ["yidang", "--help"]
