# The command line in a container: docker build --tag deit-lt .
# The set-up is that of the two commands of the README. With --build-arg TORCH=cuda it has PyTorch and CUDA.
ARG NODE=26
FROM node:${NODE}-bookworm-slim

# debian: libtorch 1.13, CPU. cpu: PyTorch 2.14.1, CPU. cuda: PyTorch 2.14.1 with its CUDA libraries.
ARG TORCH=debian

WORKDIR /opt/deit-lt
COPY . .

# While it is built, the cache folder is where setup:torch puts PyTorch. One step, so that no layer keeps what is removed at its end.
RUN export DEIT_LT_CACHE=/opt/deit-lt-torch; \
    case "$TORCH" in \
      debian) ;; \
      cpu) torch=--cpu ;; \
      cuda) torch= ;; \
      *) echo "TORCH=$TORCH: expected debian, cpu or cuda" >&2; exit 2 ;; \
    esac; \
    set -e; \
    if [ "$TORCH" != debian ]; then \
      apt-get update; \
      apt-get install --yes --no-install-recommends g++ python3 python3-venv; \
      npm run setup:torch -- $torch; \
    fi; \
    npm run build; \
    mkdir --mode=1777 /var/cache/deit-lt; \
    rm -rf /var/lib/apt/lists/* "$HOME/.npm" "$HOME/.cache"

# Any user may write here (docker run --user): it keeps decoded images and downloads.
ENV DEIT_LT_CACHE=/var/cache/deit-lt
WORKDIR /work
ENTRYPOINT ["node", "/opt/deit-lt/packages/deit-lt/bin/deit-lt.mjs"]
CMD ["--help"]
