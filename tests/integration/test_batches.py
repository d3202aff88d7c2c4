# SPDX-License-Identifier: PostgreSQL
"""Fast reads of a read-only database share transactions: none of them gets out of one, none meets another there."""
import pytest

OFF, NOW, WRITE = "select * from batch_off", "select * from batch_now", "select * from batch_write"
FAST = "select $1::int as n"


@pytest.fixture
def gatherd(start_gatherd, pg):
    """Of a role that may write. What the views are for they do once the flag is up; until then they are fast reads."""
    pg.psql("""drop table if exists batch_target, batch_flag cascade;
        create table batch_target (n int);
        create table batch_flag (n int);
        create or replace function batch_acts(what text) returns int language plpgsql as $$ begin
            if not exists (select from batch_flag) then return 0; end if;
            if what = 'off' then perform set_config('default_transaction_read_only', 'off', false);
            elsif what = 'now' then perform set_config('transaction_read_only', 'off', true);
            elsif what = 'commit' then commit; insert into batch_target values (1);
            else insert into batch_target values (1);
            end if;
            return 1;
        end $$;
        create or replace procedure batch_commits() language plpgsql as $$ begin
            commit; set transaction read write; insert into batch_target values (1); end $$;
        create or replace view batch_off as select batch_acts('off') as x;
        create or replace view batch_now as select batch_acts('now') as x;
        create or replace view batch_commit as select batch_acts('commit') as x;
        create or replace view batch_write as select batch_acts('write') as x""")
    yield start_gatherd(pg, main={"pool_max": 1, "read_only": "yes", "pipeline_threshold": "10s"})
    assert pg.psql("select count(*) from batch_target") == "0"


@pytest.fixture
def client(gatherd):
    with gatherd.client() as client:
        yield client


def pool(client):
    return client.request(stats=True)["stats"]["pools"]["main"]


def make_known(client, *texts):
    for sql in texts:
        for _ in range(3):
            assert "error" not in client.one(sql)


@pytest.mark.parametrize("opens", [OFF, NOW, "select * from batch_commit"])
def test_what_opens_a_batch_opens_nothing(client, pg, opens):
    make_known(client, OFF, NOW, WRITE, "select * from batch_commit")
    before = pool(client)["batches"]
    pg.psql("insert into batch_flag values (1)")
    for _ in range(3):
        results = client.gather([opens, WRITE, opens, WRITE])["results"]
        assert [result["error"]["sqlstate"] for result in results[1::2]] == ["25006"] * 2
    assert pool(client)["batches"] > before
    assert client.value("show default_transaction_read_only") == "on"


@pytest.mark.parametrize("sql", ["call batch_commits()", "do $$ begin commit; end $$", "commit", "set transaction read write"])
def test_what_ends_or_opens_a_transaction_is_in_no_batch(client, sql):
    make_known(client, {"sql": FAST, "params": [0]})
    fast = [{"sql": FAST, "params": [n]} for n in range(3)]
    before = pool(client)
    results = client.gather([*fast, sql, *fast])["results"]
    assert [result["rows"] for result in results[:3] + results[4:]] == [[[0]], [[1]], [[2]]] * 2
    after = pool(client)
    assert after["batched"] - before["batched"] == 6
    assert after["repeated"] == 0


def test_what_a_query_sets_for_its_transaction_stays_its_own(client, pg):
    pg.psql("create or replace function batch_local() returns text language sql as "
            "$$ select set_config('batch.who', 'me', true) $$")
    get = "select current_setting('batch.who', true)"
    for _ in range(4):
        results = client.gather(["select batch_local()", get] * 4)["results"]
        assert {result["rows"][0][0] for result in results[::2]} == {"me"}
        assert not any(result["rows"][0][0] for result in results[1::2])


def test_a_failed_batch_answers_each_of_its_own(client):
    divide = "select 10 / $1::int"
    make_known(client, {"sql": FAST, "params": [0]}, {"sql": divide, "params": [1]})
    results = client.gather([{"sql": FAST, "params": [1]}, {"sql": divide, "params": [0]},
                             {"sql": FAST, "params": [2]}])["results"]
    assert results[0]["rows"] == [[1]] and results[2]["rows"] == [[2]]
    assert results[1]["error"]["sqlstate"] == "22012" and results[1]["error"]["effects"] == "none"
    assert pool(client)["repeated"] >= 2


def test_a_batch_sees_what_was_written_before_it_was_asked(client, pg):
    pg.psql("create table if not exists batch_seen (n int); truncate batch_seen")
    make_known(client, "select count(*) from batch_seen")
    for n in range(1, 20):
        pg.psql("insert into batch_seen values (1)")
        results = client.gather(["select count(*) from batch_seen"] * 3)["results"]
        assert [result["rows"] for result in results] == [[[n]]] * 3
