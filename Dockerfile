# syntax=docker/dockerfile:1
FROM python:3.13.16-slim AS build
WORKDIR /build
RUN python -m venv /opt/rollbook
COPY requirements.txt ./
RUN /opt/rollbook/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement requirements.txt
COPY pyproject.toml README.md ./
COPY src ./src
RUN /opt/rollbook/bin/pip install --no-cache-dir --no-deps . \
    && /opt/rollbook/bin/python -m compileall -q /opt/rollbook/lib

FROM python:3.13.16-slim
COPY --from=build /opt/rollbook /opt/rollbook
# The first start stores the secrets that it generates in /data. Mount a volume there to keep them.
RUN install -d -m 0700 -o 10001 -g 10001 /data \
    && install -d -m 0755 -o 10001 -g 10001 /secrets /secrets/api /secrets/mongo /secrets/redis \
       /secrets/prometheus /secrets/edge
ENV ENVIRONMENT=production \
    HOST=0.0.0.0 \
    PORT=5000 \
    LOG_FORMAT=json \
    DATA_DIR=/data \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
USER 10001:10001
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["/opt/rollbook/bin/rollbook", "check"]
ENTRYPOINT ["/opt/rollbook/bin/rollbook"]
CMD ["serve"]
