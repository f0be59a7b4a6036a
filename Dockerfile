# The image: a Python environment that is built once, on the slim official Python.
#   docker build -t bmw2mqtt .
# A release pins the base by its digest: --build-arg BASE_IMAGE=python:3.13-slim@sha256:...
ARG BASE_IMAGE=python:3.13-slim

# hadolint ignore=DL3006 # the tag is in the argument
FROM ${BASE_IMAGE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY bmw2mqtt bmw2mqtt
# An environment without pip: nothing can be installed into a running container. Versions are the newest
# that pyproject.toml allows; the SBOM of a release names them.
# hadolint ignore=DL3013
RUN pip wheel --no-cache-dir --only-binary :all: --no-binary bmw2mqtt --wheel-dir /wheels ".[demo]" \
    && python -m venv --without-pip /opt/bmw2mqtt \
    && pip --python /opt/bmw2mqtt/bin/python install --no-cache-dir --no-compile --no-index \
        --find-links /wheels "bmw2mqtt[demo]" \
    && find /opt/bmw2mqtt -type d \( -name tests -o -name SelfTest \) -prune -exec rm -rf {} + \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/bmw2mqtt

# hadolint ignore=DL3006
FROM ${BASE_IMAGE}
ARG BASE_IMAGE VERSION=0.0.0 REVISION=unknown CREATED=1970-01-01T00:00:00Z SOURCE=https://github.com/bmw2mqtt/bmw2mqtt
LABEL org.opencontainers.image.title="bmw2mqtt" \
      org.opencontainers.image.description="Brings BMW, MINI and Supra cars to any MQTT broker and to Home Assistant" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.documentation="${SOURCE}#readme" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /opt/bmw2mqtt /opt/bmw2mqtt
ENV PATH=/opt/bmw2mqtt/bin:$PATH \
    BMW2MQTT_DATA_DIR=/data
# The official image has no compiled standard library, and a read-only one cannot compile it: what is
# imported here starts, and is checked on, in a fraction of the time. Group 0 may write /data, so that
# a platform may choose the user (--user 12345:0).
RUN python -c "import bmw2mqtt, importlib, pkgutil; \
[importlib.import_module(m.name) for m in pkgutil.walk_packages(bmw2mqtt.__path__, 'bmw2mqtt.')]" \
    && rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/bin/pip* \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin bmw2mqtt \
    && install -d -o 10001 -g 0 -m 0770 /data
ENV PYTHONDONTWRITEBYTECODE=1

USER 10001:10001
WORKDIR /data
VOLUME /data
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["bmw2mqtt", "healthcheck"]
# PID 1 is bmw2mqtt itself: it heeds SIGTERM from its first lines on and has no children to reap.
ENTRYPOINT ["bmw2mqtt"]
CMD ["run"]
