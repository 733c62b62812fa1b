# The page, on a machine without a GPU.
#   docker build --tag mtl-playground .
#   docker run --read-only --publish 7860:7860 --volume mtl-runs:/data mtl-playground
# It runs as a user without rights and writes to /data alone: runs, uploads, caches. What the page takes from its
# environment (README.md, "Host") is given with --env.

FROM python:3.12-slim AS build
ENV PATH=/opt/mtl/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/mtl
WORKDIR /source
# Apart from the program, because it takes minutes and changes seldom.
COPY requirements.txt ./
RUN pip install "$(grep '^torch==' requirements.txt)" --index-url https://download.pytorch.org/whl/cpu \
    && pip install --requirement requirements.txt
COPY pyproject.toml README.md LICENSE app.py Spacefile ./
COPY assets assets
COPY mtl mtl
RUN pip install --no-deps .

FROM python:3.12-slim
RUN useradd --uid 1000 --home-dir /data --create-home mtl
COPY --from=build /opt/mtl /opt/mtl
# umap's compiled functions, checksums, models by Hub id and temporary files lie in the volume, too.
ENV PATH=/opt/mtl/bin:$PATH \
    MTL_RUNS=/data/runs \
    TMPDIR=/data \
    XDG_CACHE_HOME=/data/cache \
    HF_HOME=/data/cache/huggingface \
    NUMBA_CACHE_DIR=/data/cache/numba
USER mtl
WORKDIR /data
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/', timeout=8)"]
# As Ctrl+C: the page closes in order.
STOPSIGNAL SIGINT
CMD ["mtl", "serve", "--host", "0.0.0.0", "--port", "7860"]
