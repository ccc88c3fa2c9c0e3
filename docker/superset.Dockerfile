# Superset in an image of its own: its pins and those of Airflow and dbt exclude each other.
#   docker build -f docker/superset.Dockerfile -t yidang/superset .
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

# The same script, locks and layout as `make demo`.
WORKDIR /opt/yidang
COPY requirements/uv.txt requirements/superset.txt requirements/
COPY scripts/setup_environments.py scripts/
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    python3 scripts/setup_environments.py superset && rm -rf .yidang/venv/uv .yidang/venv/superset/.lock

COPY dbt_project/dbt_project.yml dbt_project/
COPY superset superset
COPY yidang yidang
COPY docker/superset_entrypoint.py docker/health.py docker/
RUN .yidang/venv/superset/bin/python -m compileall -q docker superset yidang

ENV PATH=/opt/yidang/.yidang/venv/superset/bin:$PATH \
    PYTHONPATH=/opt/yidang:/opt/yidang/superset \
    YIDANG_HOME=/var/lib/yidang \
    YIDANG_SECRETS_FILE=/var/lib/yidang-secrets/secrets.json
USER 10001:10001
ENTRYPOINT ["tini", "-g", "--", "python", "/opt/yidang/docker/superset_entrypoint.py"]
CMD ["serve"]
