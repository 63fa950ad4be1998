# Two stages: build the wheel, then install it beside nothing but what it needs. Not root; one volume.
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements.txt pyproject.toml README.md LICENSE ./
RUN python -m venv /app/venv && /app/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY src src
COPY plugins plugins
COPY config config
RUN pip wheel --no-cache-dir --no-deps --wheel-dir dist . && /app/venv/bin/pip install --no-cache-dir --no-deps dist/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data frontdesk && install -d -o frontdesk /data
WORKDIR /app
COPY --from=build /app/venv /app/venv
COPY config config
ENV PATH=/app/venv/bin:$PATH FRONTDESK__DATA_DIR=/data FRONTDESK__SERVER__HOST=0.0.0.0
USER frontdesk
VOLUME /data
EXPOSE 8080
# Every role answers here, and within three seconds even where the database hangs.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\") or os.environ.get(\"FRONTDESK__SERVER__PORT\") or 8080}/readyz')"]
CMD ["frontdesk", "serve"]
