// SPDX-License-Identifier: PostgreSQL
// postgres.js. The server comes from PGHOST and its like.
//
//   lookups CLIENTS SECONDS POOL
//   sleeps POOL SECONDS...                          one gather of pg_sleeps, with a cold and a warm pool
//   reports FILE GENERATORS CLIENTS SECONDS POOL    gathers of the file's queries beside lookups
//   rows SQL                                        one large result as JSON, by a cursor
'use strict';
const fs = require('node:fs');
const postgres = require('postgres');
const { LOOKUPS, Clock, key, times } = require('./common.cjs');

const connect = (max) => postgres({
  path: `${process.env.PGHOST}/.s.PGSQL.${process.env.PGPORT}`,
  user: process.env.PGUSER,
  database: process.env.PGDATABASE,
  max: Number(max),
  onnotice: () => {},
});

const lookupsOnce = async (sql) => JSON.stringify(await Promise.all(
  times(LOOKUPS, () => sql`select abalance from pgbench_accounts where aid = ${key()}`.values())));

const work = {
  async lookups(clients, seconds, pool) {
    const sql = connect(pool);
    await Promise.all(times(Number(pool), () => sql`select pg_sleep(0.01)`));
    const clock = new Clock(Number(seconds));
    await Promise.all(times(Number(clients), () => clock.repeat('lookups', () => lookupsOnce(sql))));
    clock.say();
    await sql.end();
  },

  async sleeps(pool, ...seconds) {
    const sql = connect(pool);
    const said = {};
    for (const name of ['cold_s', 'warm_s']) {
      const begun = performance.now();
      await Promise.all(seconds.map((each) => sql`select pg_sleep(${each}::float8)`));
      said[name] = (performance.now() - begun) / 1000;
    }
    console.log(JSON.stringify(said));
    await sql.end();
  },

  async reports(path, generators, clients, seconds, pool) {
    const queries = JSON.parse(fs.readFileSync(path, 'utf8'));
    const sql = connect(pool);
    await Promise.all(times(Number(pool), () => sql`select pg_sleep(0.01)`));
    const report = async () => JSON.stringify(
      await Promise.all(queries.map((query) => sql.unsafe(query, [], { prepare: true }).values())));
    const clock = new Clock(Number(seconds));
    await Promise.all([
      ...times(Number(generators), () => clock.repeat('report', report)),
      ...times(Number(clients), () => clock.repeat('lookups', () => lookupsOnce(sql)))]);
    clock.say();
    await sql.end();
  },

  async rows(query) {
    const sql = connect(1);
    for await (const rows of sql.unsafe(query).cursor(1000)) {
      if (!process.stdout.write(rows.map((row) => JSON.stringify(Object.values(row))).join(',\n') + '\n')) {
        await new Promise((resolve) => process.stdout.once('drain', resolve));
      }
    }
    await sql.end();
  },
};

work[process.argv[2]](...process.argv.slice(3));
