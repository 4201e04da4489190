# A release replaces this tag by a digest; until then it names the newest patch release.
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
# Only for who has a package index of their own. It stays behind in this stage.
ARG PIP_INDEX_URL
COPY requirements.txt requirements-look-ups.txt /locks/
# The environment has no pip of its own, so that the image ends up without one in it.
RUN python3 -m venv --without-pip /opt/dora/venv \
    && python3 -m pip --python /opt/dora/venv/bin/python install --no-cache-dir --no-compile \
        --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
        --requirement /locks/requirements.txt --requirement /locks/requirements-look-ups.txt
COPY src /opt/dora/src
COPY entrypoint.py /opt/dora/
# Byte-code that no time of a file makes stale, and that is the same in every build.
RUN /opt/dora/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash \
        /opt/dora/src /opt/dora/venv/lib

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/dora /opt/dora
# Nobody installs anything from here on. The base brings Python's own library without byte-code:
# to import once what a run imports leaves it behind, and saves each run almost half a second.
# requests would warn of what it does without, as entrypoint.py says.
RUN pip="$(python3 -Ic 'import pip; print(*pip.__path__)')" \
    && ensurepip="$(python3 -Ic 'import ensurepip; print(*ensurepip.__path__)')" \
    && rm -rf "$pip" "$pip"-*.dist-info "$ensurepip" /usr/bin/pip* /usr/local/bin/pip* \
    && /opt/dora/venv/bin/python -I -W ignore -c "import sys; sys.path.insert(0, '/opt/dora/src'); \
import dora_deployments.main, dora_deployments.delivery.session; \
import difflib, encodings.idna, encodings.utf_8_sig, github, jsonschema, pathspec, yaml"
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dora-deployments" \
      org.opencontainers.image.description="Report deployments from GitHub Actions to Datadog and DX" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/acme/dora-deployments" \
      org.opencontainers.image.documentation="https://github.com/acme/dora-deployments#readme" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# No USER: the runner mounts its files for root, and GitHub's documentation of Dockerfiles for
# actions forbids any other. No WORKDIR either: the runner sets it to the workspace, which -I
# keeps off the module path. No HEALTHCHECK: it runs once and ends by itself, within `timeout`.
ENTRYPOINT ["/opt/dora/venv/bin/python", "-I", "-X", "utf8", "-u", "/opt/dora/entrypoint.py", "docker"]
