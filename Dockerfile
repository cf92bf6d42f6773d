# Hearth in a container: `docker build -t hearth .`, or let docker-compose.yml do it.
FROM python:3.12-slim

# Nobody's account but Hearth's own; its number is fixed so that volumes keep their owner.
RUN groupadd --gid 10001 hearth \
 && useradd --uid 10001 --gid hearth --home-dir /hearth --no-create-home --shell /usr/sbin/nologin hearth \
 && install --directory --owner=hearth --group=hearth --mode=0700 /hearth /hearth/data /hearth/keys /hearth/secrets

WORKDIR /usr/src/hearth
COPY pyproject.toml README.md ./
COPY engine ./engine
COPY bridge ./bridge
COPY workflows ./workflows
RUN pip install --no-cache-dir --disable-pip-version-check .

# hearth.toml and the secrets lie in /hearth and /hearth/secrets, the database in /hearth/data, its keys in /hearth/keys:
# four volumes, so that each can be backed up (or left out of a backup) by itself.
ENV HEARTH_FOLDER=/hearth \
    PYTHONUNBUFFERED=1
WORKDIR /hearth
USER hearth
VOLUME ["/hearth", "/hearth/data", "/hearth/keys", "/hearth/secrets"]

# "starting" counts as unhealthy too, so it gets a while; the address listens inside the container only.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 CMD ["hearth", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["hearth"]
CMD ["run"]
