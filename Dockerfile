# Floatie's container image.
#
#   docker build -t floatie .
#   docker run -d --cap-add SYS_ADMIN --cap-add BPF --cap-add PERFMON -v /sys/fs/cgroup:/sys/fs/cgroup:ro \
#     -p 127.0.0.1:9090:9090 floatie
#
# BPF and PERFMON load and attach the programs. SYS_ADMIN is for seccomp profiles that let no bpf() through without it
# (podman's; Docker's before 23); elsewhere --cap-drop ALL --cap-add BPF --cap-add PERFMON is enough. --device /dev/kmsg --cap-add SYSLOG tell the scope of OOM kills where no other way does. Without the mount
# everything is measured, but no series has the name of its container. With --pid=host (and SYS_PTRACE after
# --cap-drop ALL) Floatie can tell whether a --pid-ns-inum is one of this machine's.
#
# What stands after the image's name reaches Floatie: docker run … floatie --pid-ns-inum 0 --max-map-entries 1024
#
# Both base images only have to be Debian 12 or later, or like it. Node comes from the npm package that package-lock.json
# names, so that the image runs the version that the tests ran; Debian's own, which is too old for Floatie, runs npm here.
ARG BUILD_IMAGE=docker.io/library/debian:bookworm-slim
ARG RUNTIME_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
# A file of certificates that npm shall trust as well, where a proxy has its own: --build-arg, and mount it.
ARG NODE_EXTRA_CA_CERTS
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends clang llvm libbpf-dev $(command -v npm >/dev/null || echo npm)
WORKDIR /floatie
# What changes seldom comes first: these layers are made again only when the dependencies change.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --loglevel=error
COPY . .
RUN sh scripts/setup.sh build
RUN mkdir -p /image/usr/local/bin /image/etc/floatie /image/opt/floatie \
 && cp "$(node_modules/.bin/node -p process.execPath)" /image/usr/local/bin/node \
 && npm prune --omit=dev --loglevel=error \
 && mv dist node_modules package.json LICENSE /image/opt/floatie/ \
 && mv config/container.yaml /image/etc/floatie/

FROM ${RUNTIME_IMAGE}
ARG DEBIAN_FRONTEND=noninteractive
# libbpf does the loading; Node itself needs the C++ library.
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends libbpf1 libstdc++6 \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /image /
RUN node /opt/floatie/dist/main.js validate --config /etc/floatie/container.yaml

ARG VERSION=unknown
LABEL org.opencontainers.image.title="Floatie" \
      org.opencontainers.image.description="Overlayfs latency, OOM kills and memory pressure of containers, measured in the kernel by eBPF and exported by OpenTelemetry" \
      org.opencontainers.image.licenses="GPL-3.0-only" \
      org.opencontainers.image.version="${VERSION}"
ENV NODE_ENV=production
EXPOSE 9090
STOPSIGNAL SIGTERM
# The port is known here only by its variable: where it is another one, set it by that and not by --set.
# OCI images have no health checks: podman and buildah keep this one with --format docker.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.FLOATIE_EXPORTERS_PROMETHEUS_PORT || 9090}/readyz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/opt/floatie/dist/main.js", "--config", "/etc/floatie/container.yaml"]
