# SPDX-License-Identifier: PostgreSQL
"""Fixtures. `pg` and `client` are what most tests need; `start_gatherd` is for those that want their own daemon."""
import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

# pylint: disable=wrong-import-position
from harness import programs  # noqa: E402
from harness.daemon import Gatherd  # noqa: E402
from harness.postgres import Postgres  # noqa: E402
from harness.wait import LIMIT_S  # noqa: E402


def pytest_sessionstart():
    # A shell that started us in the background had SIGINT ignored, and nohup SIGHUP; what we start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        programs.program("gatherd")
    except AssertionError as error:
        pytest.exit(str(error), 4)


def pytest_collection_modifyitems(items):
    """A hard limit for every test; those that say their own keep it."""
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LIMIT_S * 4))


@pytest.fixture(scope="session")
def pg():
    """The cluster that most tests share. Nobody stops it, nobody leaves anything in it that another could trip over."""
    cluster = Postgres(max_connections=150)
    cluster.psql("create database other; create role plain login;")
    yield cluster
    cluster.destroy()


@pytest.fixture(scope="session")
def demo_store(pg):
    """The name of a database with the demo store, which takes a while to load: for reading only. The settings are odd, and
    must make no difference."""
    pg.psql("create database demo_store")
    pg.psql_file(os.path.join(programs.ROOT, "sql", "demo-store.sql"), "demo_store",
                 "-c timezone=Asia/Tokyo -c datestyle=SQL,DMY -c work_mem=1MB -c jit=on")
    return "demo_store"


@pytest.fixture
def pg_own():
    """Makes clusters that a test may stop, kill and restart."""
    clusters = []

    def make(**options):
        clusters.append(Postgres(**options))
        return clusters[-1]

    yield make
    for cluster in clusters:
        cluster.destroy()


@pytest.fixture
def start_gatherd():
    """Starts daemons; each must end well when the test is over."""
    daemons = []

    def start(pg, **options):
        daemons.append(Gatherd(pg, **options))
        return daemons[-1]

    yield start
    try:
        for daemon in daemons:
            if daemon.process is not None:
                daemon.stop()
    finally:
        for daemon in daemons:
            daemon.cleanup()


@pytest.fixture(scope="module")
def shared_gatherd(pg):
    """One daemon for a file's tests, with two databases and the default configuration."""
    with Gatherd(pg, gatherd={"default_database": "main"},
                 sections={"database other": {"conninfo": pg.conninfo(db="other")}}) as daemon:
        yield daemon


@pytest.fixture
def gatherd(shared_gatherd):
    """The shared daemon; after each test nothing of that test may be left in it."""
    if not shared_gatherd.alive():  # the test before has failed for that already
        shared_gatherd.start()
    yield shared_gatherd
    assert shared_gatherd.alive(), shared_gatherd.log()
    shared_gatherd.wait_idle()


@pytest.fixture
def client(gatherd):
    with gatherd.client() as connected:
        yield connected
