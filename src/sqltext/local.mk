# src/sqltext
