# The commands a developer types. Each runs cargo or a script in lab/ or packaging/. `make help` lists them.

# Where to install.
PREFIX  = /usr/local
DESTDIR =
ZSH     = share/zsh/site-functions
# The folder of the systemd units, the saved rules they restore, and their settings.
UNITS   = $(PREFIX)/lib/systemd/system
RULES   = /etc/ipvsadm.rules
CONFIG  = /etc/default/ipvsadm

# make oracle: the number of cases, their seeds (1 or 1,2,3), and the number of lab kernels to use at once.
CASES   = 2000
SEED    = 1
KERNELS = 2
# make test-kernels and make lab-qemu: the release of Debian to take the kernel from.
KERNEL  = trixie
# make lab-qemu: the tests to run (part of a name; default: all of the suite).
TEST    =
# make fuzz: the targets, and the seconds for each.
FUZZ    = lexer rules kernel_message connections
TIME    = 600
# make mutants: more options for cargo-mutants, for example MUTANTS='--shard 0/4'.
MUTANTS =
# make try: the network, flat or nat.
NET     = flat
# make failover: the parts to run, for example PART=loop,page (default: all).
PART    =

CARGO   = cargo
target  = $(abspath $(or $(CARGO_TARGET_DIR),target))
release = $(target)/release

# The suites of tests/, one for each folder or file. Two run at a time, so the slowest ones start first.
all_suites    = $(patsubst tests/%/main.rs,%,$(wildcard tests/*/main.rs)) $(patsubst tests/%.rs,%,$(wildcard tests/*.rs))
slow_suites   = rs_setup clients kernel oracle completions
quick_suites  = $(filter-out $(slow_suites),$(all_suites))
# The suites that use the kernel most, for other kernels.
kernel_suites = --test lab --test kernel --test library --test rs_setup --test oracle --test top
# The tests that need neither a kernel nor root. mandoc checks the manual pages; without mandoc that test is skipped.
kernel_free   = --workspace --lib --bins --test table --test fuzz --test pages
skip_mandoc  := $(shell command -v mandoc >/dev/null || echo --skip mandoc)

define HELP
make TARGET [NAME=VALUE...]

Build and install
  build            build the release programs, in target/release
  install          install them: PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)
  install-systemd  install the systemd units and $(CONFIG)
Test
  check            format, clippy and the tests without a kernel: the fast loop
  test             every test; as root on Debian, install what they need first
  suite-NAME       one suite of tests/, for example suite-kernel
  unit-tests       the unit tests, and the examples in the documentation
  oracle           compare random command lines with ipvsadm 1.31:
                   CASES=$(CASES) SEED=$(SEED) KERNELS=$(KERNELS) (several seeds: SEED=1,2,3)
  test-kernels     the suites that use the kernel, on Debian's: KERNEL=$(KERNEL)
  lab-qemu         the suite kernel in qemu, with two processors: TEST=faults
  fuzz             run libFuzzer on each target: TIME=$(TIME) seconds
  mutants          find code that no test checks: MUTANTS='--shard 0/4'
  bench            compare speed with 1.31, in an hour: BENCH=load,list
Try it
  demo             watch a load balancer work, in a kernel of its own
  demo-tun         the same with tunnels
  demo-nat         the same with masquerading
  try              run commands of yours in such a network: NET=nat
  failover         let a director fail, and measure connections: PART=loop
Release and packages
  deb              build a Debian package, in target/deb
  test-deb         try the package in a bare Debian (as root)
  test-debian      build and run the demo in a bare Debian 13 (as root)
  rpm              build an RPM package, in target/rpm
  deny             check licences, sources and versions of dependencies
  advisories       check dependencies for known vulnerabilities
  check-api        compare the library's interface with docs/api.txt
Maintain
  lint             format, clippy, documentation and cargo package
  msrv             check with the oldest supported Rust, 1.85
  pages            generate the manual pages and the completions
  api              generate docs/api.txt
  screenshots      generate the pictures in docs/, in six minutes
  packages         install the Debian packages that the lab needs
endef
export HELP

.PHONY: help build install install-systemd check test unit-tests oracle test-kernels lab-qemu fuzz \
  mutants bench packages demo demo-tun demo-nat try failover deb test-deb test-debian rpm deny advisories check-api \
  lint msrv pages api screenshots

help:
	@echo "$$HELP"

# Build and install

build:
	$(CARGO) build --release --locked

programs = $(release)/ipvsadm $(release)/ipvsadm-save $(release)/ipvsadm-restore

# Existing programs are not rebuilt, so `sudo make install` after `make build` needs no cargo.
$(programs):
	$(CARGO) build --release --locked

install: share = $(DESTDIR)$(PREFIX)/share
install: $(programs)
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/sbin $(programs)
	install -D -m 644 -t $(share)/man/man8 man/*.8
	install -D -m 644 -t $(share)/ipvsadm schema/ipvsadm.schema.json
	install -D -m 644 -t $(share)/bash-completion/completions completions/ipvsadm
	install -D -m 644 -t $(share)/fish/vendor_completions.d completions/ipvsadm.fish
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/$(ZSH) completions/_ipvsadm
# bash and fish load completions by the name of the program.
	ln -sf ipvsadm $(share)/bash-completion/completions/ipvsadm-save
	ln -sf ipvsadm $(share)/bash-completion/completions/ipvsadm-restore
	ln -sf ipvsadm.fish $(share)/fish/vendor_completions.d/ipvsadm-save.fish

install-systemd:
	DESTDIR=$(DESTDIR) packaging/install-systemd $(PREFIX) $(UNITS) $(RULES) $(CONFIG)

# Test

check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features --locked --quiet -- -D warnings
	LAB_INSTALL=no $(CARGO) test --locked --quiet $(kernel_free) -- $(skip_mandoc)
	$(CARGO) test --locked --quiet --workspace --doc
	@[ -z "$(skip_mandoc)" ] || echo 'not checked: the manual pages, because mandoc is missing'

# All packages come first, because nothing may change below a lab that runs.
test: packages
	@for group in clients shells pages; do lab/packages $$group || exit; done
	$(CARGO) test --locked --workspace --no-run
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target \
	  $(addprefix suite-,$(slow_suites) $(quick_suites)) unit-tests

suite-%:
	$(CARGO) test --locked --test $*

# The library twice: with all features, and with none.
unit-tests:
	$(CARGO) test --locked --workspace --lib --bins
	$(CARGO) test --locked --workspace --doc
	$(CARGO) test --locked --package libipvs --lib
	$(CARGO) test --locked --package libipvs --features serde --example controller

oracle: packages
	@ORACLE_CASES=$(CASES) ORACLE_SEED=$(SEED) ORACLE_KERNELS=$(KERNELS) $(CARGO) test --locked --quiet --test oracle

test-kernels: packages
	LAB_KERNEL=$(KERNEL) $(CARGO) test --locked --no-fail-fast $(kernel_suites)

lab-qemu: packages
	LAB_KERNEL=qemu-$(KERNEL) $(CARGO) test --locked --test kernel -- '$(TEST)'

# Crashes go to fuzz/artifacts, new inputs to fuzz/corpus. The suite `fuzz` is the short run.
fuzz: need-cargo-fuzz
	$(CARGO) +nightly build --quiet --manifest-path fuzz/Cargo.toml --examples
	@for target in $(FUZZ); do \
	  mkdir -p fuzz/corpus/$$target; \
	  $(CARGO) +nightly fuzz run --fuzz-dir fuzz $$target fuzz/corpus/$$target tests/fuzz/corpus/$$target -- \
	    -max_total_time=$(TIME) -print_final_stats=1 || exit; \
	done

# .cargo/mutants.toml says which code is changed and which tests must notice.
mutants: need-cargo-mutants
	$(CARGO) mutants --workspace $(MUTANTS)

# Profiled programs have symbols, timed ones do not, so they are built into separate folders.
bench: build
	@lab/packages bench
	@IPVSADM_BIN_DIR=$(release) $(CARGO) bench --locked --bench lab --target-dir $(target)/bench

# Try it

packages:
	@lab/packages

demo: packages build
	@IPVSADM=$(release)/ipvsadm lab/run lab/demo dr

demo-tun: packages build
	@IPVSADM=$(release)/ipvsadm lab/run lab/demo tun

demo-nat: packages build
	@IPVSADM=$(release)/ipvsadm lab/run lab/demo nat

# A command that fails is no error of `make try`; a lab that fails is (status 124 or more).
try: packages build
	@IPVSADM=$(release)/ipvsadm lab/try $(NET) || [ $$? -lt 124 ]

failover: packages build
	@lab/packages clients
	@IPVSADM=$(release)/ipvsadm lab/run --time 3600 lab/failover $(PART)

# Release and packages

deb: build
	@lab/packages deb
	@packaging/build-deb $(target)/deb

test-deb: deb
	@lab/test-deb $(target)/deb/*.deb

test-debian:
	@lab/packages deb
	@lab/test-debian

rpm:
	@lab/packages deb
	@packaging/build-rpm $(target)/rpm $(target)

deny: need-cargo-deny
	$(CARGO) deny --locked check licenses bans sources

# cargo-deny downloads the list from github.com/RustSec/advisory-db.
advisories: need-cargo-deny
	$(CARGO) deny --locked check advisories

# Only additions may change docs/api.txt without a new version.
# Without the blanket implementations (-s), but with derived traits and Send, Sync and Unpin.
public_api = RUSTFLAGS= $(CARGO) +nightly public-api -s --package libipvs --all-features
check-api: need-cargo-public-api
	@$(public_api) >$(target)/api.txt
	@tail -n +2 docs/api.txt | diff -u - $(target)/api.txt || \
	  { echo "docs/api.txt is stale: run 'make api' and describe the change in CHANGELOG.md" >&2; exit 1; }

# Maintain

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features --locked -- -D warnings
	$(CARGO) clippy --package libipvs --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --package libipvs --all-features --locked
	packaging/check-crates

# 1.85 is the rust-version of Cargo.toml.
msrv:
	$(CARGO) +1.85.0 check --locked --workspace --all-targets --target-dir $(target)/msrv
	$(CARGO) +1.85.0 check --locked --package libipvs --target-dir $(target)/msrv

pages:
	UPDATE_PAGES=1 $(CARGO) test --locked --quiet --test pages

api: need-cargo-public-api
	@echo '# By make api (cargo public-api): what the library promises, with the feature serde.' >$(target)/api.txt
	@$(public_api) >>$(target)/api.txt
	@mv $(target)/api.txt docs/api.txt

screenshots: packages
	TOP_PICTURES=5.3 $(CARGO) test --locked --quiet --test top

# cargo's developer tools that are not packages of Debian.
need-cargo-%:
	@command -v cargo-$* >/dev/null || $(CARGO) install cargo-$* --locked || \
	  { echo "cargo-$* is missing: run 'cargo install cargo-$*'" >&2; exit 1; }
