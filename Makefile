# Everything goes through cargo; these are the commands a person types.

PREFIX  = /usr/local
DESTDIR =
# Where make install-units puts the units, where they find the saved rules, and what configures them.
UNITS   = $(PREFIX)/lib/systemd/system
RULES   = /etc/ipvsadm.rules
CONFIG  = /etc/default/ipvsadm
# Where zsh looks, below PREFIX.
ZSH     = share/zsh/site-functions
CARGO   = cargo
# For make oracle: how many cases, of which seeds, in how many lab kernels at once.
CASES   = 2000
SEED    = 1
KERNELS = 2
# For make test-kernels and make lab-qemu: of which release of Debian the kernel is.
KERNEL  = trixie
# For make fuzz: seconds for each target.
TIME    = 600
comma  := ,
FUZZ    = lexer rules kernel_message connections

# The suites that speak to the kernel.
SUITES  = lab kernel library rs_setup oracle top

release  := $(or $(CARGO_TARGET_DIR),target)/release
programs := ipvsadm ipvsadm-save ipvsadm-restore
# Into $(DESTDIR)$(PREFIX)/$(1) go the files $(2), if there are any.
into = $(if $(strip $(2)),install -d $(DESTDIR)$(PREFIX)/$(1) && install -m 644 $(2) $(DESTDIR)$(PREFIX)/$(1)/)

.PHONY: api check-api help build demo demo-tun demo-nat try failover test test-kernels lab-qemu units msrv oracle fuzz bench pages screenshots lint deny advisories install install-units deb test-deb rpm packages

help:
	@echo 'make demo      build, and watch a load balancer at work in a kernel of its own (not the one of this machine)'
	@echo 'make demo-tun  the same with tunnels; make demo-nat: with NAT'
	@echo 'make try       commands of your own from standard input, in such a network; with NET=nat the servers are behind the director'
	@echo 'make failover  two directors, one of which fails: the figures of docs/growing.md, in a quarter of an hour'
	@echo 'make test      all tests, with what they need installed first (as root on Debian) or named'
	@echo 'make test-kernels  what speaks to the kernel again, on the user-mode Linux of Debian $(KERNEL)'
	@echo 'make lab-qemu  the suite "kernel" on the kernel of Debian $(KERNEL) itself, with two processors, in qemu: TEST=faults for a part'
	@echo 'make oracle    random command lines beside ipvsadm 1.31: CASES=$(CASES) SEED=$(SEED) (or SEED=1,2,3) KERNELS=$(KERNELS)'
	@echo 'make fuzz      libFuzzer on what reads lines and the kernel: TIME=$(TIME) seconds each (FUZZ="$(FUZZ)")'
	@echo 'make bench     time, instructions and memory beside ipvsadm 1.31 and the kernel alone: an hour, for benches/;'
	@echo '               BENCH=load,list (or start save growth single names connections errors live count) and BENCH_QUICK=1 for less'
	@echo 'make screenshots  the pictures in docs/, of ipvsadm top in the lab'
	@echo 'make lint      format, clippy and the documentation of the library, warnings denied; make msrv: the oldest Rust'
	@echo 'make api       what the library promises, into docs/api.txt; make check-api: whether it still does'
	@echo 'make deny      licences, sources and versions of the dependencies; make advisories: known vulnerabilities of theirs'
	@echo 'make build     the release programs, in $(release)'
	@echo 'make install   build if need be, and install: PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)'
	@echo 'make install-units  the systemd units too, with $(CONFIG)'
	@echo 'make deb       a Debian package, in $(dir $(release)); make test-deb: try it in a bare Debian (as root); make rpm'

packages:
	@lab/packages

build:
	$(CARGO) build --release --locked

demo: packages build
	@IPVSADM=$(release)/ipvsadm lab/run lab/demo

demo-tun demo-nat: demo-%: packages build
	@IPVSADM=$(release)/ipvsadm lab/run lab/demo $*

try: packages build
	@IPVSADM=$(release)/ipvsadm lab/try $(NET) || [ $$? -lt 124 ]

# PART=daemons,connections,loop,hosts,ecmp: some of it.
failover: packages build
	@lab/packages clients
	@lab/run --time 3600 env IPVSADM=$(abspath $(release))/ipvsadm lab/failover $(subst $(comma), ,$(PART))

# A lab kernel has one processor: two suites at a time, those that take longest first. All packages before, since
# nothing may change below a lab that runs.
slow   := rs_setup clients kernel oracle completions
suites := $(slow) $(filter-out $(slow),$(sort $(patsubst tests/%/main.rs,%,$(wildcard tests/*/main.rs)) $(basename $(notdir $(wildcard tests/*.rs)))))
test: packages
	@for group in clients shells pages; do lab/packages $$group || exit; done
	$(CARGO) test --locked --workspace --no-run
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target $(suites:%=suite-%) units

suite-%:
	$(CARGO) test --locked --test $*

units:
	$(CARGO) test --locked --workspace --all-features --lib --bins
	$(CARGO) test --locked --workspace --all-features --doc
	$(CARGO) test --locked --package libipvs --lib

# The oldest Rust that Cargo.toml names.
msrv:
	CARGO_TARGET_DIR=$(or $(CARGO_TARGET_DIR),target)/msrv $(CARGO) +1.88.0 check --locked
	CARGO_TARGET_DIR=$(or $(CARGO_TARGET_DIR),target)/msrv $(CARGO) +1.88.0 check --locked --no-default-features --lib --examples

# Kernels from Debian's archive, got once into target/lab: see lab/kernel. The output of each suite ends with the kernel it ran on.
test-kernels: packages
	LAB_KERNEL=$(KERNEL) $(CARGO) test --locked --no-fail-fast $(addprefix --test ,$(SUITES))

lab-qemu: packages
	LAB_KERNEL=qemu-$(KERNEL) $(CARGO) test --locked --test kernel -- $(if $(TEST),'$(TEST)')

oracle: packages
	@ORACLE_CASES=$(CASES) ORACLE_SEED=$(SEED) ORACLE_KERNELS=$(KERNELS) $(CARGO) test --locked --quiet --test oracle

# What is found goes to fuzz/artifacts, what is learnt to fuzz/corpus; make test has the short run.
fuzz: need-cargo-fuzz
	$(CARGO) +nightly build --quiet --manifest-path fuzz/Cargo.toml --examples
	@for target in $(FUZZ); do mkdir -p fuzz/corpus/$$target && $(CARGO) +nightly fuzz run --fuzz-dir fuzz $$target \
	  fuzz/corpus/$$target tests/fuzz/corpus/$$target -- -max_total_time=$(TIME) -print_final_stats=1 || exit; done

# Developers' tools of cargo's that are no package of Debian's.
need-cargo-%:
	@command -v cargo-$* >/dev/null || $(CARGO) install cargo-$* --locked || { echo 'cargo-$* is needed: cargo install cargo-$*' >&2; exit 1; }

deny: need-cargo-deny
	$(CARGO) deny --locked check licenses bans sources

# The list of them is fetched from github.com/RustSec/advisory-db.
advisories: need-cargo-deny
	$(CARGO) deny --locked check advisories

# The manual pages and the completions list the options: they are made from their table.
pages:
	UPDATE_PAGES=1 $(CARGO) test --locked --quiet --test pages

# Of ipvsadm top, for the README: six minutes in the lab.
screenshots: packages
	TOP_PICTURES=5.3 $(CARGO) test --locked --quiet --test top

# Programs with names in them, to be profiled, are built beside those that are timed.
bench: build
	@lab/packages bench
	@IPVSADM_BIN_DIR=$(abspath $(release)) $(CARGO) bench --locked --bench lab --target-dir $(abspath $(release)/../bench)

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features --locked -- -D warnings
	$(CARGO) clippy --package libipvs --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --package libipvs --all-features --locked
	@said=$$($(CARGO) package --workspace --locked --allow-dirty --no-verify --quiet 2>&1) && [ -z "$$said" ] || { echo "cargo package: $$said" >&2; exit 1; }

# What the library promises, a line for each item: docs/api.txt. It changes only together with the version, but for what is added.
public-api = RUSTFLAGS= $(CARGO) +nightly public-api -sss --package libipvs --all-features
api: need-cargo-public-api
	@{ echo '# By make api (cargo public-api): what the library promises, with the feature serde.'; $(public-api); } >docs/api.txt.new && \
	  mv docs/api.txt.new docs/api.txt

check-api: need-cargo-public-api
	@$(public-api) >target/api.txt && tail -n +2 docs/api.txt | diff -u - target/api.txt || \
	  { echo 'docs/api.txt is another surface: make api, and say it in CHANGELOG.md' >&2; exit 1; }

# What is there is installed as it is: `sudo make install` after `make build` needs no cargo.
$(addprefix $(release)/,$(programs)):
	$(CARGO) build --release --locked

install: $(addprefix $(release)/,$(programs))
	install -d $(DESTDIR)$(PREFIX)/sbin
	install -m 755 $^ $(DESTDIR)$(PREFIX)/sbin/
	$(call into,share/man/man8,$(wildcard man/*.8))
	$(call into,share/ipvsadm,schema/ipvsadm.schema.json)
	$(call into,share/bash-completion/completions,$(wildcard completions/ipvsadm))
	$(call into,$(ZSH),$(wildcard completions/_ipvsadm))
	$(call into,share/fish/vendor_completions.d,$(wildcard completions/ipvsadm.fish))
# bash and fish look for completions by the name of the program.
	ln -sf ipvsadm $(DESTDIR)$(PREFIX)/share/bash-completion/completions/ipvsadm-save
	ln -sf ipvsadm $(DESTDIR)$(PREFIX)/share/bash-completion/completions/ipvsadm-restore
	ln -sf ipvsadm.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/ipvsadm-save.fish

# A file of settings that is there is the administrator's.
install-units:
	install -d $(DESTDIR)$(UNITS) $(DESTDIR)$(dir $(CONFIG))
	for unit in ipvsadm.service ipvsadm-sync@.service; do \
	  sed 's|/usr/sbin/|$(PREFIX)/sbin/|; s|/etc/ipvsadm\.rules|$(RULES)|; s|/etc/default/ipvsadm|$(CONFIG)|' systemd/$$unit \
	    >$(DESTDIR)$(UNITS)/$$unit && chmod 644 $(DESTDIR)$(UNITS)/$$unit || exit; \
	done
	[ -e $(DESTDIR)$(CONFIG) ] || install -m 644 systemd/ipvsadm.default $(DESTDIR)$(CONFIG)

# In a folder of its own, so that nothing is left beside the sources; the package gets there what only git and Cargo.toml know.
version    := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
maintainer := ipvsadm maintainers <maintainers@users.noreply.h-seed-7b688bc5.example>
debian     := $(abspath $(release)/../deb)
package    := $(debian)/ipvsadm-rs_$(version)-1_$(shell dpkg --print-architecture 2>/dev/null).deb

deb: build
	@lab/packages deb
	@rm -rf $(debian) && mkdir -p $(debian)/build && cp -r packaging/debian $(debian)/build/debian
	@sed -i 's/@MAINTAINER@/$(maintainer)/' $(debian)/build/debian/control
	@sed -i -e '/@MIT@/{s/.*/sed "s|^$$| .|; s|^[^ ]| \&|" LICENSE-MIT/e' -e '}' $(debian)/build/debian/copyright
	@printf 'ipvsadm-rs (%s-1) unstable; urgency=medium\n\n  * As in /usr/share/doc/ipvsadm-rs/changelog.gz.\n\n -- %s  %s\n' \
	  '$(version)' '$(maintainer)' "$$(git log -1 --format=%aD 2>/dev/null || date -R)" >$(debian)/build/debian/changelog
	@cd $(debian)/build && MAKEFLAGS= TOP=$(CURDIR) dpkg-buildpackage --build=binary --unsigned-changes --no-check-builddeps >../log 2>&1 || \
	  { tail -n 30 ../log >&2; exit 1; }
	@lintian --allow-root --fail-on error,warning $(package)
	@echo '$(package)'

test-deb: deb
	@lab/test-deb $(package)

# Of what is committed. Where rpm is not the machine's own, what it would ask of it is not asked.
rpm:
	@lab/packages deb
	@rm -rf $(debian)/../rpm && mkdir -p $(debian)/../rpm/SOURCES
	git archive --prefix ipvsadm-$(version)/ -o $(abspath $(debian)/../rpm)/SOURCES/ipvsadm-$(version).tar.gz HEAD
	CARGO_TARGET_DIR=$(abspath $(debian)/..) rpmbuild -bb --define '_topdir $(abspath $(debian)/../rpm)' \
	  $(if $(wildcard /etc/debian_version),--nodeps --define '_unitdir /usr/lib/systemd/system' --define '_sbindir /usr/sbin') packaging/ipvsadm.spec
