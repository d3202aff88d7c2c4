// SPDX-License-Identifier: PostgreSQL
// node-postgres with named statements. The server comes from PGHOST and its like.
//
//   lookups CLIENTS SECONDS POOL
'use strict';
const { Pool } = require('pg');
const { LOOKUPS, Clock, key, times } = require('./common.cjs');

const lookup = { name: 'lookup', text: 'select abalance from pgbench_accounts where aid = $1', rowMode: 'array' };

const work = {
  async lookups(clients, seconds, size) {
    const pool = new Pool({ max: Number(size), idleTimeoutMillis: 0 });
    await Promise.all(times(Number(size), () => pool.query('select pg_sleep(0.01)')));
    const request = async () => JSON.stringify(await Promise.all(
      times(LOOKUPS, async () => (await pool.query({ ...lookup, values: [key()] })).rows)));
    const clock = new Clock(Number(seconds));
    await Promise.all(times(Number(clients), () => clock.repeat('lookups', request)));
    clock.say();
    await pool.end();
  },
};

work[process.argv[2]](...process.argv.slice(3));
