# A slim image: the wheels are built once, the rest is the base image.
#   docker build -t bmw2mqtt .
#   docker build --build-arg BASE_IMAGE=python:3.12-slim -t bmw2mqtt .
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY bmw2mqtt bmw2mqtt
RUN pip wheel --no-cache-dir --wheel-dir /wheels .

FROM ${BASE_IMAGE}
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels bmw2mqtt \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin bmw2mqtt \
    && install -d -o bmw2mqtt -g bmw2mqtt -m 0700 /data

USER 10001:10001
WORKDIR /data
VOLUME /data
ENV BMW2MQTT_DATA_DIR=/data \
    PYTHONDONTWRITEBYTECODE=1
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["bmw2mqtt", "healthcheck"]
ENTRYPOINT ["bmw2mqtt"]
CMD ["run"]
