"""Which resources of Debian's applications are found, against what dpkg, ucf and ldd say. Needs root: it makes a test host.

    python benchmarks/fleet_identify.py

Truth: the configuration files that dpkg and ucf know of the source packages (and that are there), and the libraries that
ldd finds for their programs and modules. `all.rules` has what is never wanted of any application; the vendor rules are the
shipped ones of the application.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from madeus.executor.fingerprint import Request, Rules, fingerprint_hosts, load_rules
from madeus.executor.inventory import load_inventory
from madeus.executor.testbed import Testbed
from madeus.fleet.fingerprint import Fleet

APPLICATIONS = {
    "mariadb-server": (("mariadb", "galera-4"), "mariadbd --user=mysql --skip-networking"),
    "apache2": (("apache2",), "apachectl -t"),
    "php": (("php8.2", "php-defaults"), "php -v"),
}
"""Application -> its source packages, and a command that starts it."""

PACKAGES = ("mariadb-server", "apache2", "php", "php-mysql", "libapache2-mod-php", "ucf")

TRUTH = r"""
packages=$(dpkg-query -W -f '${source:Package} ${Package} ${db:Status-Status}\n' |
  awk -v s=" SOURCES " '$3 == "installed" && index(s, " " $1 " ") {print $2}')
for p in $packages; do
  dpkg-query -W -f '${Conffiles}\n' $p | awk 'NF >= 2 && $3 != "obsolete" {print "conffile", $1}'
  [ -e /var/lib/ucf/registry ] && awk -v p=$p '$1 == p {print "conffile", $2}' /var/lib/ucf/registry
  for f in $(dpkg -L $p); do
    if [ -f $f ] && [ ! -L $f ] && [ "$(head -c 4 $f | tail -c 3)" = ELF ]; then
      ldd $f 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | xargs -r -n 1 realpath | sed 's/^/library /'
      echo "mine $f"
    fi
  done
done | sort -u
"""


def truth(bed: Testbed, sources: tuple[str, ...]) -> tuple[set[str], set[str]]:
    """Configuration files, and libraries from outside of the application."""
    code, output = bed.host("h1").exec(["sh", "-c", TRUTH.replace("SOURCES", " ".join(sources))])
    assert code == 0, output
    said: dict[str, set[str]] = {"conffile": set(), "library": set(), "mine": set()}
    for line in output.splitlines():
        kind, _, path = line.partition(" ")
        if kind in said:
            said[kind].add(path)
    code, there = bed.host("h1").exec(
        ["sh", "-c", "for f in $@; do [ -f $f ] && echo $f; done; true", "sh", *said["conffile"]]
    )
    return set(there.split()), said["library"] - said["mine"]


def found(fleet: Fleet) -> dict[str, str]:
    """Reason by path."""
    assert not fleet.unreachable, fleet.unreachable
    return dict(fleet.reasons["h1"])


def rows(name: str, kind: str, reasons: dict[str, str], conffiles: set[str], libraries: set[str]) -> str:
    """One line of the table."""
    taken = {path for path, reason in reasons.items() if reason.startswith("+")}
    by_library = {path for path in taken if "by name, version and build" in reasons[path]}
    contents = {path for path in taken if "settings by" in reasons[path] or "chunks" in reasons[path]}
    links = {path for path in taken if "by where it leads" in reasons[path]}
    missed = conffiles - taken
    strange = contents - conffiles
    lost = libraries - by_library
    return (
        f"{name:<15} {kind:<8} {len(reasons):>6} {len(taken):>5} {len(contents):>5} {len(by_library):>5} {len(links):>5}   "
        f"{len(conffiles):>5} {len(missed):>6} {len(strange):>6}   {len(libraries):>5} {len(lost):>6}"
    )


def main() -> None:
    everything = Rules(tuple(load_rules("").rules))
    with tempfile.TemporaryDirectory() as folder, Testbed.up(1, Path(folder) / "bed", packages=PACKAGES) as bed:
        code, output = bed.host("h1").exec(["apt-get", "install", "-y", *PACKAGES])
        assert code == 0, output
        inventory = load_inventory(bed.inventory)
        print("                         files taken  read  libs links   conffiles: missed others  libraries: missed")
        for name, (sources, start) in APPLICATIONS.items():
            conffiles, libraries = truth(bed, sources)
            told: dict[str, dict[str, str]] = {}
            for kind, rules in (("all", everything), ("vendor", load_rules(name))):
                request = Request(name, rules, start, seconds=5)
                told[kind] = found(fingerprint_hosts(inventory, ["h1"], request))
                print(rows(name, kind, told[kind], conffiles, libraries), flush=True)
            for path in sorted(conffiles):
                if not told["vendor"].get(path, "").startswith("+"):
                    print(f"  missed {path}: {told['vendor'].get(path, 'not seen')}")
            others = [p for p, r in told["vendor"].items() if r[0] == "+" and ("settings" in r or "chunks" in r)]
            folders = Counter(str(Path(path).parent) for path in others if path not in conffiles)
            for place, count in sorted(folders.items()):
                print(f"  others {place}: {count}")
            for path in sorted(libraries):
                if not told["vendor"].get(path, "").startswith("+"):
                    print(f"  lost {path}: {told['vendor'].get(path, 'not seen')}")
            why = Counter(
                r.partition("rule ")[2].partition(" (")[0] for r in told["vendor"].values() if "(all.rules" not in r
            )
            print(
                "  vendor rules:",
                ", ".join(f"{rule} {count}" for rule, count in why.most_common() if rule) or "none used",
            )


if __name__ == "__main__":
    main()
