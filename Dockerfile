# Floatie's container image: Floatie, Node and the libraries they load; no shell, no compiler.
#
#   docker build -t floatie:latest .
#   docker run …                                           (README.md has the flags)
#   docker build --target single -t floatie:single .       the single executable, for COPY --from (examples/embedded)
#
# It runs as user 65532, with those of the added capabilities that Floatie can use: image/floatie.c says how. Where new
# privileges are forbidden (no-new-privileges, Kubernetes' allowPrivilegeEscalation: false), such a user can have none:
# there, run it as root with nothing but the capabilities it needs (--user 0 --cap-drop ALL --cap-add BPF …).
#
# The build image only has to be Debian 12 or later, or like it. Node comes from the npm package that package-lock.json
# names, so that the image runs the version that the tests ran; Debian's own, which is too old for Floatie, runs npm here.
ARG BUILD_IMAGE=docker.io/library/debian:bookworm-slim
# With the build image here as well, there is a shell beside Floatie.
ARG RUNTIME_IMAGE=scratch

FROM ${BUILD_IMAGE} AS dependencies
# A file of certificates that npm shall trust as well, where a proxy has its own: --build-arg, and mount it.
ARG NODE_EXTRA_CA_CERTS
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends clang libbpf-dev libcap2-bin llvm pkg-config $(command -v npm >/dev/null || echo npm)
WORKDIR /floatie
# What changes seldom comes first: these layers are made again only when the dependencies change.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --loglevel=error
COPY image image
RUN sh image/collect.sh /image

FROM dependencies AS build
COPY . .
RUN sh scripts/setup.sh build \
 && cp -r dist LICENSE /image/opt/floatie/ \
 && install -D -m 644 config/container.yaml /image/etc/floatie/floatie.yaml \
 && install -m 644 config/seccomp.json /image/etc/floatie/seccomp.json \
 && chroot /image /usr/local/bin/floatie validate

FROM build AS single-build
RUN npm run --silent build:single

FROM scratch AS single
COPY --from=single-build /floatie/dist/floatie /floatie

FROM ${RUNTIME_IMAGE}
COPY --from=build /image /
ARG VERSION=0.1.0
# Of the commit it is built from, its time, and where that is: what --build-arg says.
ARG REVISION=""
ARG CREATED=""
ARG SOURCE=""
LABEL org.opencontainers.image.title="Floatie" \
      org.opencontainers.image.description="Overlayfs latency, OOM kills and memory pressure of containers, measured in the kernel by eBPF and exported by OpenTelemetry" \
      org.opencontainers.image.licenses="GPL-3.0-only" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
ENV NODE_ENV=production
USER 65532:65532
EXPOSE 9090
STOPSIGNAL SIGTERM
# The port is known here only by its variable: where it is another one, set it by that and not by --set.
# OCI images have no health checks: podman and buildah keep this one with --format docker.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/opt/floatie/bin/node", "--disable-sigusr1", "-e", "fetch(`http://127.0.0.1:${process.env.FLOATIE_EXPORTERS_PROMETHEUS_PORT || 9090}/readyz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/usr/local/bin/floatie"]
