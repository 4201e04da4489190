# A release replaces this tag by a digest; until then it names the newest patch release.
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
COPY requirements.txt /opt/dora/
# The environment has no pip of its own, so that the image ends up without one in it.
RUN python3 -m venv --without-pip /opt/dora/venv \
    && python3 -m pip --python /opt/dora/venv/bin/python install --no-cache-dir \
        --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
        --requirement /opt/dora/requirements.txt
COPY src /opt/dora/src
COPY entrypoint.py /opt/dora/
RUN /opt/dora/venv/bin/python -m compileall -q /opt/dora/src

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="dora-deployments" \
      org.opencontainers.image.description="Report deployments from GitHub Actions to Datadog and DX" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/dora /opt/dora
# No USER: the runner mounts its files for root, and GitHub's documentation of Dockerfiles for
# actions forbids any other. No WORKDIR either: the runner sets it to the workspace, which -I
# keeps off the module path.
ENTRYPOINT ["/opt/dora/venv/bin/python", "-I", "-X", "utf8", "-u", "/opt/dora/entrypoint.py", "docker"]
