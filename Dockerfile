# Any images will do that have node, a shell and (the first one) npm on their PATH.
ARG BUILD_IMAGE=docker.io/library/node:26-bookworm-slim
ARG RUNTIME_IMAGE=docker.io/library/node:26-bookworm-slim

# The bundle is the same for every platform, so it is made on the builder's own.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
# No package runs a script of its own here; none of those that the bundle needs has one.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY e2e/build.ts e2e/licences.ts e2e/
COPY src src
RUN node e2e/build.ts && rm dist/*.map dist/chunks/*.map

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="kube-autorollout" \
      org.opencontainers.image.description="Restarts Kubernetes workloads when the image behind their tag has changed" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /src/dist /app/
COPY LICENSE /app/
# For people: kubectl exec deployment/kube-autorollout -- kube-autorollout check
RUN ln -s /app/main.mjs /usr/local/bin/kube-autorollout && mkdir /app/cache && chown 65532:65532 /app/cache
USER 65532:65532
# Compiled code that the demo, the whole poller against an embedded cluster, leaves behind saves each start a third of its
# time and some memory. It is of use to this user id only; without it, everything works as well. For another architecture
# than the builder's, Node would run in an emulator here, and QEMU's end it with illegal instructions.
ENV NODE_COMPILE_CACHE=/app/cache
# Of glibc's malloc: one arena serves all threads, of which most wait for the DNS; each of its own would keep what it freed.
ENV MALLOC_ARENA_MAX=1
ARG BUILDARCH
ARG TARGETARCH
RUN if [ "$BUILDARCH" = "$TARGETARCH" ]; then node /app/main.mjs demo; fi
ENTRYPOINT ["node", "/app/main.mjs"]
