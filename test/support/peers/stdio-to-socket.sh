#!/bin/sh
exec "$DAYPASS_TEST_NODE" "$(dirname "$0")/stdio-to-socket.mjs" "$@"
