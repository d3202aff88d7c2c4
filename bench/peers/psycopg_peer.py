# SPDX-License-Identifier: PostgreSQL
"""
psycopg 3, a request's lookups in one pipeline. The server comes from PGHOST and its like.

  lookups CLIENTS SECONDS POOL
"""
import asyncio
import json
import sys

import psycopg
from common import LOOKUP, LOOKUPS, Clock, key, say

QUERY = LOOKUP.replace("$1", "%s")


async def lookups(clients, seconds, size):
    free = asyncio.Queue()
    for _ in range(int(size)):
        free.put_nowait(await psycopg.AsyncConnection.connect("", autocommit=True, prepare_threshold=0))

    async def request():
        connection = await free.get()
        async with connection.pipeline():
            cursors = [await connection.execute(QUERY, (key(),)) for _ in range(LOOKUPS)]
            answer = json.dumps([await cursor.fetchall() for cursor in cursors])
        free.put_nowait(connection)
        return answer

    clock = Clock(float(seconds))
    await asyncio.gather(*[clock.repeat("lookups", request) for _ in range(int(clients))])
    while not free.empty():
        await free.get_nowait().close()
    say(clock.figures())


asyncio.run({"lookups": lookups}[sys.argv[1]](*sys.argv[2:]))
