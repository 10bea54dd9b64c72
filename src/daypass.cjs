#!/usr/bin/env node
'use strict';
/* The daypass command. An old Node.js gets a sentence here, before it meets a file that it cannot read. */
require('./node-version.cjs');
require('./run.cjs');
