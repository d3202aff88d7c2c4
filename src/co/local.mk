# src/co
