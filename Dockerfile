# The operator's image for people with Docker; `cargo e2e images` makes the same one without.
FROM rust:1.95.0-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends musl-tools
WORKDIR /annex
# The image's own toolchain: no second one for the sake of rustfmt and clippy.
ENV RUSTUP_TOOLCHAIN=1.95.0 CARGO_TARGET_DIR=/target
ENV RUSTFLAGS="--remap-path-prefix=/usr/local/cargo=/cargo"
RUN rustup target add "$(uname -m)-unknown-linux-musl"
COPY . .
RUN export target="$(uname -m)-unknown-linux-musl" \
 && export "CC_$(echo "$target" | tr - _)=musl-gcc" \
 && export "CFLAGS_$(echo "$target" | tr - _)=-ffile-prefix-map=/usr/local/cargo=/cargo" \
 && cargo build --release --locked --target "$target" --package annex-operator --bin annex-operator \
 && install -D --mode 0755 "/target/$target/release/annex-operator" /root-of-image/annex-operator

FROM scratch
LABEL org.opencontainers.image.title="annex-operator"
LABEL org.opencontainers.image.version="0.1.0"
LABEL org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /root-of-image/ /
ENV MIMALLOC_PURGE_DELAY=10
USER 65532:65532
ENTRYPOINT ["/annex-operator"]
