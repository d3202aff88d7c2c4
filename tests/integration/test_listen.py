# SPDX-License-Identifier: PostgreSQL
"""LISTEN: events as they are notified, one connection for all who listen, and what happens when it or a client is lost."""
import json
import os
import signal
import socket

import pytest

from harness.daemon import connect_as
from harness.wait import wait_until

SESSIONS = "select count(*) from pg_stat_activity where application_name = 'gatherd listen'"
BACKENDS = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gatherd listen'"


def listen(client, *channels, id_="l", **options):
    """Listens, and returns when it is established."""
    client.send({"id": id_, "listen": list(channels), **options})
    event = client.recv()
    assert event["event"] == "listening" and event["id"] == id_ and event["channels"] == list(channels), event
    return event


def notify(pg, channel, payload="", db="postgres"):
    literal = payload.replace("'", "''")
    pg.psql(f"""select pg_notify('{channel.replace("'", "''")}', '{literal}')""", db=db)


def expect(client, channel, payload, id_="l"):
    event = client.recv()
    assert event.pop("pid", 0) > 0, event
    assert event == {"id": id_, "event": "notification", "channel": channel, "payload": payload}


def expect_quiet(client):
    """Nothing has come but the answer to this."""
    assert client.request(ping=True)["pong"] is True


def listening(gatherd, name="main"):
    return gatherd.stats()["stats"]["pools"][name]["listen"]


def test_notifications_come_in_order(client, pg):
    event = listen(client, "in_order")
    assert event["db"] == "main"
    pg.psql("begin; " + "".join(f"notify in_order, 'n{n}';" for n in range(100)) + " commit")
    for number in range(100):
        expect(client, "in_order", f"n{number}")


def test_clients_with_channels_in_common(gatherd, pg):
    with gatherd.client() as one, gatherd.client() as two:
        listen(one, "left", "both")
        listen(two, "both", "right")
        for channel in ("left", "right", "both"):
            notify(pg, channel, channel)
        expect(one, "left", "left")
        expect(one, "both", "both")
        expect(two, "right", "right")
        expect(two, "both", "both")
        expect_quiet(one)
        expect_quiet(two)
        assert pg.psql(SESSIONS) == "1"
        stats = listening(gatherd)
        assert stats["listeners"] == 2 and stats["channels"] == 3 and stats["connected"] is True


def test_one_client_listens_twice(client, pg):
    listen(client, "a", id_="x")
    listen(client, "a", "b", id_="y")
    notify(pg, "a", "1")
    events = sorted((client.recv() for _ in range(2)), key=lambda event: event["id"])
    assert [(event["id"], event["payload"]) for event in events] == [("x", "1"), ("y", "1")]
