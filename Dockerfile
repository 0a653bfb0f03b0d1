# Built in two steps: the second has neither compilers nor development packages.

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
# The hot layers are compiled (docs/adr/0029-compiled-layers.md).
RUN apt-get update -q \
 && apt-get install -q -y --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
COPY requirements.lock requirements-dev.lock ./
# What is needed to run, into the environment that is taken along.
RUN python -m venv /opt/thrive \
 && /opt/thrive/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
# What is needed to make the package, into one that stays behind.
RUN python -m venv /opt/tools \
 && /opt/tools/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-dev.lock
COPY pyproject.toml README.md ./
COPY migrations migrations
COPY fhir_profiles fhir_profiles
COPY scripts/compile_layers.py scripts/
COPY service service
RUN THRIVE_COMPILE=1 /opt/tools/bin/pip wheel --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation -w dist . \
 && /opt/thrive/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps dist/*.whl

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /srv/thrive thrive
COPY --from=build /opt/thrive /opt/thrive
ENV PATH=/opt/thrive/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER thrive
WORKDIR /srv/thrive
RUN mkdir var
# Give THRIVE_BASE_URL and THRIVE_DATABASE_URL; run `migrate` once before the first start.
VOLUME /srv/thrive/var
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health/ready', timeout=2)"]
ENTRYPOINT ["thrive-fhir"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
