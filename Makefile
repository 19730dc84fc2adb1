# `make demo` shows what the project does, `make check` runs lint and the fast tests, and `make test` runs all tests.
# Each installs what it needs: Python packages into .venv, and Debian packages if it may (otherwise it names them).

VENV := .venv
BIN := $(VENV)/bin

# What benchmarks stream video with: files and commands, and their packages.
LIBRARIES := /usr/lib/x86_64-linux-gnu
FOR_STREAMING := ffmpeg:ffmpeg /usr/lib/python3/dist-packages/gi:python3-gi \
  $(LIBRARIES)/girepository-1.0/GstRtspServer-1.0.typelib:gir1.2-gst-rtsp-server-1.0 \
  $(LIBRARIES)/gstreamer-1.0/libgstrtp.so:gstreamer1.0-plugins-good \
  $(LIBRARIES)/gstreamer-1.0/libgstvideoparsersbad.so:gstreamer1.0-plugins-bad

# What the tests run in emulated networks, and what the guest kernel is built with: commands and their packages.
FOR_NETWORKS := ip:iproute2 tc:iproute2 ping:iputils-ping nsenter:util-linux setpriv:util-linux iperf3:iperf3 iperf:iperf \
  linux.uml:user-mode-linux modprobe:kmod mnexec:mininet brctl:bridge-utils ovs-vsctl:openvswitch-switch ovs-testcontroller:openvswitch-testcontroller \
  bird:bird2 nft:nftables iptables-restore:iptables etcd:etcd-server etcdctl:etcd-client dockerd:docker.io busybox:busybox-static tcpdump:tcpdump \
  nebula:nebula ssh:openssh-client ss:iproute2 curl:curl $(FOR_STREAMING) \
  chromium:chromium \
  xterm:xterm xhost:x11-xserver-utils Xvfb:xvfb
FOR_KERNEL := gcc:gcc make:make flex:flex bison:bison bc:bc xz:xz-utils nm:binutils patch:patch \
  /usr/include/stdio.h:libc6-dev
# What netperf is built with (`gtsdsl tools build netperf`), beside the above.
FOR_TOOLS := autoreconf:autoconf automake:automake libtoolize:libtool

.PHONY: demo check test lint bench bench-study clean

demo: $(VENV)/installed
	@tools/demo

# The tests that need neither a guest kernel nor special rights, in under three minutes on two cores.
check: $(VENV)/installed-for-check lint
	$(BIN)/python -m pytest -n 2 --timeout 300 -m "not guest and not networks and not slow"

test: $(VENV)/installed-for-tests lint
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/installed-for-check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/installed-for-tests
	$(BIN)/python -m benchmarks

# The study of 2016, repeated: all of its report is in build/study, and the page, the text and the figures, with their
# plots as SVG, are in docs/report.
bench-study: $(VENV)/installed
	@tools/apt-install $(FOR_NETWORKS) $(FOR_KERNEL) $(FOR_TOOLS)
	@$(BIN)/gtsdsl kernel build
	@$(BIN)/gtsdsl tools build netperf
	$(BIN)/gtsdsl bench --like seed-2016 --clock virtual -o build/study
	rm -rf docs/report && mkdir -p docs/report/plots
	cp build/study/index.html build/study/report.md build/study/results.json build/study/results.csv docs/report
	cp build/study/plots/*.svg docs/report/plots

# The installation is editable, so most changes of code need none. But pyproject.toml says what to install, and an
# installation writes gtsdsl/syntax/tables.json, which gtsdsl/syntax makes from the grammar.
FOR_TABLES := grammar/gts.lark hatch_build.py $(wildcard gtsdsl/syntax/*.py)

$(VENV)/installed: pyproject.toml $(FOR_TABLES)
	@test -w . || { echo "You may not write in this folder, where .venv goes: make a clone of your own." >&2; exit 3; }
	@tools/apt-install python3:python3 -mensurepip:python3-venv
	@test -x $(BIN)/python || python3 -m venv $(VENV)
	@echo "Installing gtsdsl into $(VENV) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[bench,draw,emulation]'
	@touch $@

$(VENV)/installed-for-check: $(VENV)/installed
	@tools/apt-install dot:graphviz git:git node:nodejs npm:npm fish:fish zsh:zsh
	@echo "Installing what the tests need into $(VENV) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	@npm ci --prefix editors/vscode --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(VENV)/installed-for-tests: $(VENV)/installed-for-check
	@tools/apt-install $(FOR_NETWORKS) $(FOR_KERNEL) $(FOR_TOOLS)
	@touch $@

clean:
	rm -rf $(VENV) build dist gtsdsl/syntax/tables.json
