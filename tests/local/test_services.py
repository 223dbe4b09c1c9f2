"""The embedded servers on real data folders: start, rights, crash, stop."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from synth.local import binaries, roles
from synth.local.errors import LocalError
from synth.local.lock import holder, is_held
from synth.local.process import is_alive, server_user
from synth.local.services import Endpoints, LocalServices
from synth.local.sockets import SOCKET_PATH_BYTES, socket_dir
from synth.local.valkey import ping
from tests.local.helpers import Driver, all_gone, descendants, wait_for

IS_ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServices]:
    made = LocalServices(tmp_path_factory.mktemp("services") / "data", durable=False)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def endpoints(services: LocalServices) -> Endpoints:
    assert services.postgres and services.valkey
    url = services.postgres.url
    names = roles.Roles()
    return Endpoints(
        url(names.app, "assent"),
        url(names.owner, "assent"),
        url(names.sequencer, "assent"),
        services.valkey.url,
    )


def run_sql(url: str, *statements: str) -> list[tuple]:
    """Each statement in its own transaction; the rows of the last one."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []


# -- rights --


def test_roles_are_three_and_none_is_special(services, endpoints):
    rows = run_sql(
        services.superuser_url,
        "SELECT rolname, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls, rolcanlogin"
        " FROM pg_roles WHERE rolname LIKE 'assent_%' ORDER BY 1",
    )
    assert rows == [
        ("assent_app", False, True),
        ("assent_owner", False, True),
        ("assent_sequencer", False, True),
    ]
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'assent'"
    assert run_sql(services.superuser_url, owner) == [("assent_owner",)]


def test_app_uses_the_owners_tables_and_cannot_change_the_schema(endpoints):
    run_sql(endpoints.database_owner_url, "CREATE TABLE a (id bigserial PRIMARY KEY, x int)")
    used = run_sql(
        endpoints.database_url,
        "INSERT INTO a (x) VALUES (1)",
        "UPDATE a SET x = 2",
        "INSERT INTO a (x) VALUES (3)",
        "DELETE FROM a WHERE x = 3",
        "SELECT id, x FROM a",
    )
    assert used == [(1, 2)]
    for statement in ("CREATE TABLE b (x int)", "DROP TABLE a", "ALTER TABLE a ADD y int", "TRUNCATE a"):
        with pytest.raises((psycopg2.errors.InsufficientPrivilege,)):
            run_sql(endpoints.database_url, statement)


def test_sequencer_gets_only_what_is_granted(endpoints):
    run_sql(endpoints.database_owner_url, "CREATE TABLE s (x int)")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run_sql(endpoints.database_sequencer_url, "SELECT * FROM s")
    run_sql(endpoints.database_owner_url, "GRANT SELECT ON s TO assent_sequencer")
    assert run_sql(endpoints.database_sequencer_url, "SELECT * FROM s") == []


def test_preparing_again_does_not_give_back_what_a_migration_took(services, endpoints):
    run_sql(
        endpoints.database_owner_url,
        "CREATE TABLE log (x int)",
        "REVOKE UPDATE, DELETE ON log FROM assent_app",
    )
    assert roles.prepare(services.superuser_url) == []
    run_sql(endpoints.database_url, "INSERT INTO log VALUES (1)")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run_sql(endpoints.database_url, "DELETE FROM log")


def test_roles_and_database_of_other_names_with_passwords(services):
    database, named = roles.from_urls(
        "postgresql://x_app:pa@h/x_db", "postgresql://x_owner:po@h/x_db", "postgresql://x_seq:ps@h/x_db"
    )
    assert (database, named.owner, named.app, named.sequencer) == ("x_db", "x_owner", "x_app", "x_seq")
    assert named.passwords == {"x_app": "pa", "x_owner": "po", "x_seq": "ps"}
    assert len(roles.prepare(services.superuser_url, database=database, roles=named)) == 4
    with_password = "SELECT count(*) FROM pg_authid WHERE rolname LIKE 'x\\_%' AND rolpassword IS NOT NULL"
    assert run_sql(services.superuser_url, with_password) == [(3,)]


def test_a_dump_restored_without_owners_and_grants_is_healed(services):
    """`pg_restore --no-owner --no-acl` leaves everything to whoever restores, and nothing to the application."""
    named = roles.Roles(owner="h_owner", app="h_app", sequencer="h_seq")
    roles.prepare(services.superuser_url, database="h_db", roles=named)
    inside = psycopg2.extensions.make_dsn(services.superuser_url, dbname="h_db")
    run_sql(
        inside,
        "CREATE TABLE voices (id bigserial PRIMARY KEY, name text)",
        "CREATE TABLE audit_entry (id bigserial PRIMARY KEY)",
        "CREATE FUNCTION audit_deny() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "REVOKE ALL ON voices, audit_entry FROM h_app, h_owner",
    )
    said = roles.prepare(services.superuser_url, database="h_db", roles=named)
    assert said[0] == "gave 2 tables and 1 functions to h_owner"
    assert said[1].startswith("gave h_app its rights on 1 tables")
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert run_sql(inside, owners) == [("h_owner",)]
    rights = "SELECT has_table_privilege('h_app', %s, 'UPDATE'), has_sequence_privilege('h_app', %s, 'USAGE')"
    rights = rights.replace("%s", "'{0}'", 1).replace("%s", "'{0}_id_seq'", 1)
    assert run_sql(inside, rights.format("voices")) == [(True, True)]
    assert run_sql(inside, rights.format("audit_entry")) == [(False, False)], (
        "the log's come with the migrations"
    )
    assert roles.prepare(services.superuser_url, database="h_db", roles=named) == []


def test_urls_of_different_databases_are_refused():
    with pytest.raises(LocalError, match="same database"):
        roles.from_urls("postgresql://a@h/one", "postgresql://b@h/two", "postgresql://c@h/one")


def test_a_connection_without_rights_is_told_what_it_lacks(endpoints):
    with pytest.raises(LocalError, match="may not run: CREATE ROLE"):
        roles.prepare(endpoints.database_url, roles=roles.Roles(owner="someone_new"))


# -- one at a time, and what others can reach --


def test_second_start_names_the_first(services):
    services.lock.describe("http://localhost:8000")
    with pytest.raises(LocalError, match=rf"Already running .*pid {os.getpid()}, http://localhost:8000"):
        LocalServices(services.data_dir).start()
    assert is_held(services.data_dir)
    assert ping(services.valkey.socket) == "PONG", "the refused start must not disturb the running one"


def test_sockets_are_closed_to_other_users(services):
    for folder in (services.postgres.sockets, services.valkey.socket.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert run_sql(services.superuser_url, "SHOW listen_addresses") == [("",)]


def test_a_long_data_path_gets_a_short_socket_path(tmp_path):
    deep = tmp_path.joinpath(*["a-folder-with-a-rather-long-name"] * 5)
    folder = socket_dir(deep, server_user())
    try:
        assert len(os.fsencode(folder / "pg" / ".s.PGSQL.5432.lock")) <= SOCKET_PATH_BYTES
        assert socket_dir(deep, server_user()) == folder
        assert socket_dir(deep / "other", server_user()) != folder
    finally:
        for path in folder.parent.glob(f"assent-{os.geteuid()}-*"):
            if not any(path.iterdir()):
                path.rmdir()


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path, monkeypatch):
    folder = socket_dir(tmp_path, server_user())
    folder.rmdir()
    folder.symlink_to(tmp_path)
    try:
        with pytest.raises(LocalError, match="belongs to somebody else"):
            socket_dir(tmp_path, server_user())
    finally:
        folder.unlink()


# -- crash and recovery --

KEEP_SERVICES = """
import json, sys, time
from pathlib import Path
from synth.local.services import LocalServices
services = LocalServices(Path(sys.argv[1]), durable=False)
endpoints = services.start()
print(json.dumps({"url": endpoints.database_owner_url, "redis": endpoints.redis_url}))
time.sleep(600)
"""


def test_kill_9_leaves_nothing_and_the_next_start_recovers(tmp_path):
    data = tmp_path / "data"
    with Driver(KEEP_SERVICES, data) as driver:
        url = driver.report()["url"]
        run_sql(url, "CREATE TABLE kept (x int)", "INSERT INTO kept VALUES (7)")
        pids = descendants(driver.process.pid)
        assert len(pids) > 2
        driver.end(signal.SIGKILL)
    wait_for(lambda: all_gone(pids))
    assert not is_held(data)
    with LocalServices(data, durable=False) as endpoints:
        assert run_sql(endpoints.database_owner_url, "SELECT x FROM kept") == [(7,)]


def test_start_right_after_a_kill_waits_for_the_old_servers(tmp_path):
    data = tmp_path / "data"
    with Driver(KEEP_SERVICES, data) as driver:
        driver.report()
        driver.end(signal.SIGKILL)
        with LocalServices(data, durable=False) as endpoints:
            assert run_sql(endpoints.database_url, "SELECT 1") == [(1,)]


def test_pid_file_naming_a_living_process_of_the_same_user(tmp_path):
    """As after a container's restart, where ids repeat: PostgreSQL alone would refuse to start."""
    data = tmp_path / "data"
    with LocalServices(data, durable=False) as endpoints:
        run_sql(endpoints.database_owner_url, "CREATE TABLE kept (x int)")
    user = server_user()
    sleeper = subprocess.Popen(["sleep", "60"], **(user.popen if user else {}), cwd="/")
    try:
        cluster = next(data.glob("pg*"))
        pid_file = cluster / "postmaster.pid"
        pid_file.write_text(f"{sleeper.pid}\n/proc/self/cwd\n{int(time.time())}\n5432\n/tmp\n\n\n")
        if user:
            os.chown(pid_file, user.uid, user.gid)
        with LocalServices(data, durable=False) as endpoints:
            assert run_sql(endpoints.database_owner_url, "SELECT count(*) FROM kept") == [(0,)]
    finally:
        sleeper.kill()
        sleeper.wait()


def test_an_interrupted_initdb_is_made_anew(tmp_path):
    data = tmp_path / "data"
    major = binaries.postgres_major(binaries.postgres_bin())
    half = data / f"pg{major}.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with LocalServices(data, durable=False) as endpoints:
        assert run_sql(endpoints.database_url, "SELECT 1") == [(1,)]
    assert not half.exists()


def test_a_failing_start_says_why_and_leaves_nothing(tmp_path):
    data = tmp_path / "data"
    with LocalServices(data, durable=False):
        pass
    (next(data.glob("pg*")) / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(LocalError, match=r"(?s)PostgreSQL did not start.*no_such_setting"):
        LocalServices(data, durable=False).start()
    assert not is_held(data)
    assert holder(data) == (None, "")


def test_a_dead_server_is_noticed_and_comes_back_at_the_same_place(tmp_path):
    services = LocalServices(tmp_path / "data", durable=False)
    endpoints = services.start()
    try:
        assert services.dead() is None
        services.valkey.process.kill()
        assert wait_for(services.dead) is services.valkey
        services.dead().start()
        services.postgres.process.kill()
        assert wait_for(services.dead) is services.postgres
        wait_for(lambda: _restarted(services))
        assert run_sql(endpoints.database_url, "SELECT 1") == [(1,)]
        assert services.dead() is None
    finally:
        services.stop()


def _restarted(services: LocalServices) -> bool:
    try:
        services.postgres.start()  # refused for a moment, while the old backends notice their parent's end
    except LocalError:
        return False
    return True


# -- users and folders --


def test_servers_never_run_as_root(services):
    postgres = services.postgres.process.pid
    owner = Path(f"/proc/{postgres}").stat().st_uid if sys.platform.startswith("linux") else os.geteuid()
    assert owner != 0
    assert services.postgres.cluster.stat().st_uid == owner


def test_data_in_a_folder_closed_to_everybody_else(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with LocalServices(closed / "data", durable=False) as endpoints:
        assert run_sql(endpoints.database_owner_url, "CREATE TABLE t (x int)", "SELECT 1") == [(1,)]
    assert closed.stat().st_mode & 0o777 == 0o700
    with LocalServices(closed / "data", durable=False) as endpoints:
        assert run_sql(endpoints.database_owner_url, "SELECT count(*) FROM t") == [(0,)]


def test_programs_below_a_closed_folder_are_copied_once_for_the_other_user(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    source = binaries.postgres_bin()
    package = source.parent.parent
    folder = closed / package.name / source.parent.name / source.name
    shutil.copytree(source.parent, folder.parent, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, closed / libraries.name)
    if not IS_ROOT:
        assert binaries.runnable_by(folder, None) == folder
        return
    copies = Path(tempfile.mkdtemp(dir="/var/tmp"))
    copies.chmod(0o755)
    try:
        user = server_user()
        copy = binaries.runnable_by(folder, user, copies_dir=copies)
        assert copy != folder
        for program in ("postgres", "initdb", "psql"):
            as_user = subprocess.run(
                [copy / program, "--version"], capture_output=True, cwd="/", **user.popen, check=True
            )
            assert b"PostgreSQL" in as_user.stdout
        assert binaries.runnable_by(folder, user, copies_dir=copies) == copy
        assert closed.stat().st_mode & 0o777 == 0o700, "nobody's folder is opened"
        copies_made = list(copies.glob("assent-server-*/*"))
        assert len(copies_made) == 1
    finally:
        shutil.rmtree(copies)


def test_works_for_an_ordinary_user():
    """Everything again without root: in a child that has become `nobody` when the tests run as root."""
    user = pwd.getpwnam("nobody")
    parent = Path(tempfile.mkdtemp(dir="/tmp"))
    bin_dir = binaries.runnable_by(binaries.postgres_bin(), server_user())
    if IS_ROOT:
        os.chown(parent, user.pw_uid, user.pw_gid)

    def start_and_query() -> None:
        if IS_ROOT:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        os.environ["ASSENT_POSTGRES_BIN"] = str(bin_dir)
        with LocalServices(parent / "data", durable=False) as endpoints:
            assert run_sql(endpoints.database_url, "SELECT current_user") == [("assent_app",)]
            assert (parent / "data").stat().st_mode & 0o777 == 0o700
            assert (parent / "data").stat().st_uid == os.geteuid() != 0

    try:
        assert _in_child(start_and_query) == 0
    finally:
        shutil.rmtree(parent)


def _in_child(action: Callable[[], None]) -> int:
    """Run ``action`` in a forked process; 0 when it did not raise."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            action()
            code = 0
        except BaseException as error:
            print(repr(error), file=sys.stderr)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_stopping_leaves_neither_process_nor_socket(tmp_path):
    services = LocalServices(tmp_path / "data", durable=False)
    services.start()
    pids = {services.postgres.process.pid, services.valkey.process.pid}
    sockets = services.postgres.sockets.parent
    services.stop()
    services.stop()
    assert not any(is_alive(pid) for pid in pids)
    assert not sockets.exists()
