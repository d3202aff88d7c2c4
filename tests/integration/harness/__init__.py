# SPDX-License-Identifier: PostgreSQL
"""What the integration tests stand on: a private PostgreSQL, a daemon, clients. Nothing here knows a test."""
