"""Tests of the rows, the migrations, and the database engines."""
