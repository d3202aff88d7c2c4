# SPDX-License-Identifier: PostgreSQL
"""The daemon's memory is bounded, whatever the results and however slowly they are read; nobody waits for ever."""
import os

from harness.wait import wait_until

ROWS = int(os.environ.get("GATHERD_TEST_ROWS", "250000"))  # a million takes a minute with sanitizers
STREAM = "select n, n, n, n, n, n, n, n, n, n from generate_series(1, {rows}) n /* {mark} */"


def wait_paused(pg, mark):
    wait_until(lambda: pg.psql("select wait_event from pg_stat_activity where state = 'active' and "
                               f"query like '%/* {mark} */' and pid <> pg_backend_pid()") == "ClientWrite",
               f"a paused query {mark}")


def test_many_rows_for_a_slow_reader(start_gatherd, pg):
    """Ten columns of each; others get their answers meanwhile, and the daemon stays small."""
    # What a sanitizer keeps of freed memory is not the daemon's.
    options = os.environ.get("ASAN_OPTIONS", "")
    gatherd = start_gatherd(pg, env={"ASAN_OPTIONS": f"{options}:quarantine_size_mb=1"})
    with gatherd.client() as slow, gatherd.client() as other:
        for number in range(50):
            assert other.gather([f"select {number}"] * 10)["ok"] is True
        before = gatherd.resident_kb()
        slow.send(gather=[STREAM.format(rows=ROWS, mark="many")], stream=True)
        last, most = b"", 0
        for number in range(20):
            wait_paused(pg, "many")
            assert other.value(f"select {number}") == number
            most = max(most, gatherd.resident_kb())
            for _ in range(20):
                last = slow.recv_line()
        while b'"event":"end"' not in last:
            previous, last = last, slow.recv_line()
        most = max(most, gatherd.resident_kb())
        assert f'"count":{ROWS},'.encode() in previous and b'"ok":true' in last
    print(f"resident memory grew by {most - before} KiB")
    assert most - before < 16 * 1024


def test_clients_that_read_nothing_are_dropped(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"client_write_timeout": "1s"}, main={"pool_max": 10})
    clients = [gatherd.client() for _ in range(100)]
    for client in clients:
        client.send(gather=["select repeat('x', 10000) from generate_series(1, 20000) /* deaf */"] * 2, stream=True)
    wait_until(lambda: gatherd.stats()["stats"]["clients"]["dropped"] == 100, "100 dropped clients")
    gatherd.wait_idle()
    wait_until(lambda: pg.running("deaf") == 0, "the end of what nobody reads")
    with gatherd.client() as client:
        assert client.gather(["select 1"] * 50)["ok"] is True
    memory = gatherd.stats()["stats"]["memory"]
    assert memory["buffers_peak"] < 100 * 2 ** 20
    for client in clients:
        client.close()


def test_fast_streams_that_nobody_reads(start_gatherd, pg):
    """On a shared connection their rows are held, each of them in two KiB of libpq's: that counts, too."""
    options = os.environ.get("ASAN_OPTIONS", "")
    gatherd = start_gatherd(pg, gatherd={"memory_limit": "64M", "client_write_timeout": "1s"},
                            main={"pool_max": 4, "pipeline_threshold": "10s"},
                            env={"ASAN_OPTIONS": f"{options}:quarantine_size_mb=1"})
    sql = "select repeat('x', 100) from generate_series(1, 200)"
    with gatherd.client() as client, gatherd.client() as deaf:
        for _ in range(4):
            assert client.gather([sql] * 4)["ok"] is True
        before = gatherd.resident_kb()
        for _ in range(60):
            deaf.send(gather=[sql] * 100, stream=True)
        wait_until(lambda: gatherd.stats()["stats"]["clients"]["dropped"] == 1, "a dropped client")
        assert gatherd.resident_kb("VmHWM") - before < 80 * 1024
        assert gatherd.stats()["stats"]["memory"]["buffers_peak"] <= 64 * 2 ** 20
        assert client.gather([sql] * 4)["ok"] is True


def test_a_commit_with_too_much_to_say(start_gatherd, pg):
    """It runs what the client has deferred, whose error may be as large as any: libpq takes in all of a message."""
    pg.psql("create table loud (n int)")
    pg.psql("create function shout() returns trigger language plpgsql as "
            "$$ begin raise exception '%', repeat('x', 100000000); end $$")
    pg.psql("create constraint trigger shouts after insert on loud deferrable initially deferred "
            "for each row execute function shout()")
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with gatherd.client() as client:
        before = gatherd.resident_kb()
        result = client.one({"transaction": ["insert into loud values (1)"]})
        assert gatherd.resident_kb("VmHWM") - before < 64 * 1024
        assert (result["outcome"], result["error"]["code"], result["error"]["effects"]) == (
            "unknown", "too_large", "unknown")
        assert client.value("select count(*) from loud") == 0


def test_combined_answers_at_their_limit_at_once(start_gatherd, pg):
    """They fill three quarters of the rows' part: then new requests are refused, and all of them are answered."""
    gatherd = start_gatherd(pg, gatherd={"max_answer": "512K", "memory_limit": "64M", "default_database": "main"},
                            main={"pool_max": 8}, sections={"database held": {"conninfo": pg.conninfo(), "pool_max": 1}})
    clients = [gatherd.client() for _ in range(64)]
    with pg.gate() as gate, gatherd.client() as other:
        for client in clients:
            client.send(gather=["select repeat('x', 1000) from generate_series(1, 520)", {"sql": gate.sql, "db": "held"}])
        wait_until(lambda: gatherd.stats()["stats"]["memory"]["buffers"] > 64 * 520000, "64 answers")
        refused = other.gather(["select 1"])
        assert refused["error"]["code"] == "queue_full" and refused["error"]["effects"] == "none"
        assert other.request(ping=True)["pong"] is True
        gate.open()
        for client in clients:
            large, held = client.recv()["results"]
            assert large["count"] == 520 and held["count"] == 1
            client.close()
        assert other.value("select 1") == 1
        assert other.request(stats=True)["stats"]["memory"]["buffers_peak"] <= 64 * 2 ** 20


def test_streams_whose_clients_wait_for_each_other(start_gatherd, pg):
    """Each reads its second stream to the end before its first, crosswise over two databases of one connection."""
    gatherd = start_gatherd(pg, gatherd={"default_database": "main"}, main={"pool_max": 2},
                            sections={"database other": {"conninfo": pg.conninfo(db="other"), "pool_max": 2}})
    with gatherd.client() as a, gatherd.client() as b, gatherd.client() as c, gatherd.client() as d:
        order = [(a, "main"), (b, "other"), (c, "other"), (d, "main")]
        for client, db in order:
            client.send(gather=[STREAM.format(rows=40000, mark=db)], db=db, stream=True)
            client.recv()
        for client, db in (order[2], order[0], order[3], order[1]):
            assert client.events()[-1]["ok"] is True


def test_combined_answers_crosswise_over_two_databases(start_gatherd, pg):
    """Nothing of a combined answer is paused, so one connection for each is enough."""
    gatherd = start_gatherd(pg, gatherd={"default_database": "main"}, main={"pool_max": 1},
                            sections={"database other": {"conninfo": pg.conninfo(db="other"), "pool_max": 1}})
    large = "select repeat('x', 1000) from generate_series(1, 3000)"
    with gatherd.client() as a, gatherd.client() as b:
        for client, first, second in ((a, "main", "other"), (b, "other", "main")):
            client.send(gather=[{"sql": large, "db": first}, {"sql": large, "db": second}] * 2)
        for client in (b, a):
            assert client.recv()["ok"] is True


def test_a_paused_write_holds_its_locks_and_nobody_elses_connection(start_gatherd, pg):
    pg.psql("drop table if exists t_locked; create table t_locked as select n, repeat('x', 1000) as t "
            "from generate_series(1, 20000) n")
    gatherd = start_gatherd(pg, main={"pool_max": 2})
    with gatherd.client() as writer, gatherd.client() as other:
        writer.send(gather=["update t_locked set n = n returning t /* locked */"], stream=True)
        writer.recv()
        wait_paused(pg, "locked")
        other.send(id="locked", gather=["update t_locked set n = -n where n = 1"], timeout=60)
        assert len(writer.events()[-2]) and other.recv()["ok"] is True
