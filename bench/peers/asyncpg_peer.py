# SPDX-License-Identifier: PostgreSQL
"""
asyncpg on uvloop. The server comes from PGHOST and its like.

  lookups CLIENTS SECONDS POOL reset|keep gather|serial    keep: the pool does not reset what it gets back
  sleeps POOL SECONDS...                                   one gather of pg_sleeps, with a cold and a warm pool
  reports FILE GENERATORS CLIENTS SECONDS POOL             gathers of the file's queries beside lookups
  rows SQL                                                 one large result as JSON
"""
import asyncio
import json
import sys
import time

import asyncpg
import uvloop
from common import LOOKUP, LOOKUPS, Clock, key, say


class Keeping(asyncpg.Connection):
    """Comes back to its pool as it is: the cheapest that asyncpg can."""

    def get_reset_query(self):
        return ""


def pool_of(size, least=None, keep=True):
    return asyncpg.create_pool(min_size=size if least is None else least, max_size=size,
                               connection_class=Keeping if keep else asyncpg.Connection)


async def lookup(pool):
    return [list(row) for row in await pool.fetch(LOOKUP, key())]


async def lookups_gathered(pool):
    return json.dumps(await asyncio.gather(*[lookup(pool) for _ in range(LOOKUPS)]))


async def lookups_serial(pool):
    async with pool.acquire() as connection:
        return json.dumps([await lookup(connection) for _ in range(LOOKUPS)])


async def lookups(clients, seconds, size, reset, how):
    work = lookups_gathered if how == "gather" else lookups_serial
    async with pool_of(int(size), keep=reset == "keep") as pool:
        clock = Clock(float(seconds))
        await asyncio.gather(*[clock.repeat("lookups", lambda: work(pool)) for _ in range(int(clients))])
    say(clock.figures())


async def sleeps(size, *seconds):
    figures = {}
    async with pool_of(int(size), least=0) as pool:
        for name in ("cold_s", "warm_s"):
            begun = time.monotonic()
            await asyncio.gather(*[pool.fetch("select pg_sleep($1::float8)", float(each)) for each in seconds])
            figures[name] = time.monotonic() - begun
    say(figures)


async def reports(path, generators, clients, seconds, size):
    with open(path, encoding="utf-8") as file:
        queries = json.load(file)

    async def report(pool):
        results = await asyncio.gather(*[pool.fetch(sql) for sql in queries])
        return json.dumps([[list(row) for row in result] for result in results], default=str)

    async with pool_of(int(size)) as pool:
        clock = Clock(float(seconds))
        await asyncio.gather(*[clock.repeat("report", lambda: report(pool)) for _ in range(int(generators))],
                             *[clock.repeat("lookups", lambda: lookups_gathered(pool)) for _ in range(int(clients))])
    say(clock.figures())


async def rows(sql):
    connection = await asyncpg.connect()
    sys.stdout.write(json.dumps([list(row) for row in await connection.fetch(sql)], default=str))
    await connection.close()


uvloop.install()
asyncio.run({"lookups": lookups, "sleeps": sleeps, "reports": reports, "rows": rows}[sys.argv[1]](*sys.argv[2:]))
