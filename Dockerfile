# hpa_lit in a container, for NVIDIA GPUs, and for CPUs alone:
#
#   docker build . -t hpa-lit
#   docker build . --build-arg TORCH_INDEX=ADDRESS -t hpa-lit
#
# ADDRESS is PyTorch's index of CPU wheels, as its installation page gives it: a tenth of the size. Without it pip takes
# the default wheels, which bring CUDA and need no more of the machine than NVIDIA's driver and container toolkit.
# `compile=true` needs a C compiler, which --build-arg BASE=python:3.12 has.
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
ARG TORCH_INDEX=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_EXTRA_INDEX_URL=${TORCH_INDEX}
RUN python -m venv /opt/hpa_lit
WORKDIR /src
# PyTorch first: a layer of its own, which a change of the sources leaves as it is.
COPY constraints.txt ./
RUN /opt/hpa_lit/bin/pip install --constraint constraints.txt torch torchvision
COPY pyproject.toml README.md LICENSE ./
COPY conf conf
COPY hpa_lit hpa_lit
RUN /opt/hpa_lit/bin/pip install --constraint constraints.txt .

FROM ${BASE}
COPY --from=build /opt/hpa_lit /opt/hpa_lit
# Anyone may run it, also as --user $(id -u): caches lie in a home that all may write to.
RUN useradd --create-home hpa && mkdir /data /work && chown hpa /data /work && chmod 777 /home/hpa
ENV PATH=/opt/hpa_lit/bin:$PATH HOME=/home/hpa HPA_LIT_ROOT=/data
USER hpa
VOLUME /data
WORKDIR /work
ENTRYPOINT ["hpa-lit"]
CMD ["--help"]
