// SPDX-License-Identifier: PostgreSQL
// What the node peers share: the lookups, the clock of a run, and the line of JSON at its end.
'use strict';
const LOOKUPS = 20;
const WARM_MS = 300;

const key = () => 100000 + Math.floor(Math.random() * 900000);
const times = (count, make) => Array.from({ length: count }, make);

class Clock {
  constructor(seconds) {
    this.begin = performance.now() + WARM_MS;
    this.end = this.begin + seconds * 1000;
    this.took = {};
  }

  async repeat(what, work) {
    while (performance.now() < this.end) {
      const begun = performance.now();
      await work();
      const now = performance.now();
      if (now >= this.begin) (this.took[what] ??= []).push(now - begun);
    }
  }

  // Lookups are what most ask for: their figures go by their bare names.
  say() {
    const seconds = (performance.now() - this.begin) / 1000;
    const said = {};
    for (const [what, samples] of Object.entries(this.took)) {
      const name = what === 'lookups' ? '' : `${what}_`;
      samples.sort((a, b) => a - b);
      said[`${name}rate`] = samples.length / seconds;
      said[`${name}p50_ms`] = samples[Math.floor(samples.length / 2)];
      said[`${name}p99_ms`] = samples[Math.floor(0.99 * (samples.length - 1))];
    }
    console.log(JSON.stringify(said));
  }
}

module.exports = { LOOKUPS, Clock, key, times };
