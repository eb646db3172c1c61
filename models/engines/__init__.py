"""The database engines: SQLite with shared syncs, and PostgreSQL."""
