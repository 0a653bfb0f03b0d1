"""The store: tables, units of work and searches on SQLite and PostgreSQL.

Source: ADR 0002
"""
