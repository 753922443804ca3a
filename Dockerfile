# The images of the operator and of annex-apiserver for people with Docker; `cargo e2e images` makes the same ones without.
#
#   docker build --tag REGISTRY/annex-operator:0.1.0 .
#   docker build --tag REGISTRY/annex-apiserver:0.1.0 --target annex-apiserver .
FROM rust:1.95.0-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends musl-tools
WORKDIR /annex
# The image's own toolchain: no second one for the sake of rustfmt and clippy.
ENV RUSTUP_TOOLCHAIN=1.95.0 CARGO_TARGET_DIR=/target
ENV RUSTFLAGS="--remap-path-prefix=/usr/local/cargo=/cargo"
RUN rustup target add "$(uname -m)-unknown-linux-musl"
COPY . .
RUN { echo 'export target="$(uname -m)-unknown-linux-musl"' \
 ; echo 'export "CC_$(echo "$target" | tr - _)=musl-gcc"' \
 ; echo 'export "CFLAGS_$(echo "$target" | tr - _)=-ffile-prefix-map=/usr/local/cargo=/cargo"' \
 ; } > /for-target

FROM build AS build-annex-apiserver
RUN . /for-target \
 && cargo build --release --locked --target "$target" --package annex-apiserver --bin annex-apiserver --features mimalloc \
 && install -D --mode 0755 "/target/$target/release/annex-apiserver" /root-of-image/annex-apiserver

FROM build AS build-annex-operator
RUN . /for-target \
 && cargo build --release --locked --target "$target" --package annex-operator --bin annex-operator \
 && install -D --mode 0755 "/target/$target/release/annex-operator" /root-of-image/annex-operator

FROM scratch AS annex-apiserver
LABEL org.opencontainers.image.title="annex-apiserver"
LABEL org.opencontainers.image.version="0.1.0"
LABEL org.opencontainers.image.licenses="Apache-2.0"
ENV MIMALLOC_PURGE_DELAY=10
COPY --from=build-annex-apiserver /root-of-image/ /
USER 65532:65532
ENTRYPOINT ["/annex-apiserver"]

FROM scratch AS annex-operator
LABEL org.opencontainers.image.title="annex-operator"
LABEL org.opencontainers.image.version="0.1.0"
LABEL org.opencontainers.image.licenses="Apache-2.0"
ENV MIMALLOC_PURGE_DELAY=10
COPY --from=build-annex-operator /root-of-image/ /
USER 65532:65532
ENTRYPOINT ["/annex-operator"]
