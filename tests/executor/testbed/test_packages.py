"""Packages from the local repository, installed in hosts that have no network. Needs root, apt, and its mirror once."""

from pathlib import Path

import pytest

from madeus.executor.testbed import Testbed
from madeus.executor.testbed.errors import PackagesFailed

pytestmark = pytest.mark.hosts


def test_packages_can_be_installed_and_their_services_start(state: Path) -> None:
    with Testbed.up(["web1", "web2"], state, packages=["nginx-light"]) as bed:
        for name in ("web1", "web2"):
            code, said = bed.host(name).exec("apt-get update && apt-get install -y nginx-light && service nginx status")
            assert code == 0, said
            assert "W:" not in said
            bed.host(name).exec("hostname > /var/www/html/index.html")
        assert bed.host("web1").exec("curl -s http://web2/") == (0, "web2\n")


def test_packages_can_be_offered_later_and_installed_without_an_update(state: Path) -> None:
    with Testbed.up(1, state) as bed:
        assert bed.host("h1").exec("apt-get update")[0] == 0
        assert bed.host("h1").exec("apt-get install -y hello")[0] != 0
        assert bed.offer_packages(["hello"]) >= 1
        code, said = bed.host("h1").exec("apt-get update && apt-get install -y hello && hello")
        assert code == 0, said
        assert bed.offer_packages(["hello"]) >= 1


def test_an_unknown_package_is_named_before_any_host_is_made(state: Path) -> None:
    with pytest.raises(PackagesFailed, match="no-such-package-anywhere"):
        Testbed.up(1, state, packages=["no-such-package-anywhere"])
    assert not state.exists()


@pytest.mark.long
def test_a_database_and_web_servers_on_three_hosts(state: Path) -> None:
    packages = ["mariadb-server", "apache2", "libapache2-mod-php", "php-mysql"]
    with Testbed.up(["db1", "web1", "web2"], state, packages=packages) as bed:
        code, said = bed.host("db1").exec(
            """set -e
            apt-get install -y mariadb-server
            printf '[mysqld]\nbind-address=0.0.0.0\n' > /etc/mysql/mariadb.conf.d/99-net.cnf
            service mariadb restart
            mariadb -e "create database site; create user u@'%' identified by 'p'; grant all on site.* to u@'%'"
            """
        )
        assert code == 0, said
        page = '<?php echo (new mysqli("db1","u","p","site"))->query("select @@hostname")->fetch_row()[0];'
        for name in ("web1", "web2"):
            code, said = bed.host(name).exec("apt-get install -y apache2 libapache2-mod-php php-mysql")
            assert code == 0, said
            bed.host(name).exec(["sh", "-c", 'printf %s "$1" > /var/www/html/db.php', "sh", page])
        assert bed.host("web2").exec("curl -s http://web1/db.php") == (0, "db1")
        assert bed.host("web1").exec("curl -s http://web2/db.php") == (0, "db1")
