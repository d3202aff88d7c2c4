# SPDX-License-Identifier: PostgreSQL
"""Named reports."""
import pytest

pytestmark = pytest.mark.valgrind

DAILY = """\
-- report: daily
-- title: Daily figures
-- param: day date = date '2026-11-20'
-- param: least int

-- name: day
-- title: The day
select :day as day;

-- name: numbers
select n from generate_series(1, 5) n where n >= :least order by n;
"""


@pytest.fixture
def reports(gatherd):
    gatherd.write_report("daily", DAILY)
    gatherd.write_report("plain", "-- name: a\nselect 1;\n-- name: b\nselect 2;\n")
    return gatherd


@pytest.fixture
def client(reports):
    with reports.client() as connected:
        yield connected


def test_report(client):
    answer = client.request(report="daily", params={"least": 4})
    assert answer["ok"] is True and list(answer["results"]) == ["day", "numbers"]
    assert answer["results"]["day"]["rows"] == [["2026-11-20"]]
    assert answer["results"]["numbers"]["rows"] == [[4], [5]]


def test_a_given_parameter_replaces_the_default(client):
    answer = client.request(report="daily", params={"least": "5", "day": "2026-01-02"})
    assert answer["results"]["day"]["rows"] == [["2026-01-02"]]
    assert answer["results"]["numbers"]["rows"] == [[5]]


def test_a_missing_parameter_without_default(client):
    error = client.request(report="daily")["error"]
    assert error["code"] == "bad_request" and "least" in error["message"] and error["effects"] == "none"


def test_an_unknown_parameter(client):
    error = client.request(report="daily", params={"least": 1, "nonsense": 2})["error"]
    assert error["code"] == "bad_request" and "nonsense" in error["message"] + str(error.get("key"))


def test_a_value_that_is_none_of_the_type(client):
    answer = client.request(report="daily", params={"least": "many"})
    assert answer["results"]["day"]["rows"] == [["2026-11-20"]]
    assert answer["results"]["numbers"]["error"]["sqlstate"] == "22P02"


WRONG = """\
-- param: day date = date '2026-11-20'

-- name: inside
-- title: Ärger
select 'größe' as größe, :day + 1 as next,
    nonsense;
-- name: begin
-- a comment
select 1 / (:day - :day);
-- name: value
select 1,
    'x'::date
"""


@pytest.mark.parametrize("params", [{}, {"day": "2026-01-02"}])
def test_an_error_is_told_by_the_line_of_the_file(client, reports, params):
    reports.write_report("wrong", WRONG)
    results = client.request(report="wrong", params=params)["results"]
    assert {name: result["error"]["line"] for name, result in results.items()} == {"inside": 6, "begin": 9, "value": 12}
    assert all("position" not in result["error"] for result in results.values())
    done = reports.command("report", "wrong", *(f"{name}={value}" for name, value in params.items()))
    assert done.returncode == 1 and 'gather: inside, line 6: ERROR:  column "nonsense" does not exist\n' in done.stderr


def test_gathers_options(client):
    answer = client.request(report="plain", rows="objects", values="text", concurrency=1, timeout=20)
    assert [result["rows"] for result in answer["results"].values()] == [[{"?column?": "1"}], [{"?column?": "2"}]]


def test_streamed(client):
    client.send(report="plain", stream=True)
    events = client.events()
    assert {event.get("name") for event in events if event["event"] == "done"} == {"a", "b"}


def test_list(client):
    answer = client.request(reports=True)
    reports = {report["name"]: report for report in answer["reports"]}
    assert {"daily", "plain"} <= set(reports)
    assert reports["daily"]["title"] == "Daily figures"
    assert [param["name"] for param in reports["daily"]["params"]] == ["day", "least"]


def test_unknown_report(client):
    error = client.request(report="weekly")["error"]
    assert error["code"] == "unknown_report" and error["effects"] == "none"


def test_a_changed_file_is_used(client, reports):
    assert client.request(report="plain")["results"]["a"]["rows"] == [[1]]
    reports.write_report("plain", "-- name: a\nselect 11;\n-- name: longer\nselect 22;\n")
    assert list(client.request(report="plain")["results"]) == ["a", "longer"]


@pytest.mark.parametrize("text", ["", "select 1;", "-- name: a\n", "-- report: other\n-- name: a\nselect 1;\n",
                                  "-- name: a\nselect 1;\n-- name: a\nselect 2;\n", "-- param: x\n-- name: a\nselect 1;\n",
                                  "-- name: a\nselect 'open\n", "\x00"])
def test_a_broken_report_is_an_error_that_says_so(client, reports, text):
    reports.write_report("broken", text)
    answer = client.request(report="broken")
    assert answer["error"]["code"] == "unknown_report" and answer["error"]["effects"] == "none"
    assert answer["error"]["message"].startswith('report "broken" cannot be used: ')
    assert client.request(report="plain")["ok"] is True
    assert "plain" in [report["name"] for report in client.request(reports=True)["reports"]]
