"""Verification of one-time passwords, soft tokens, matrix cards and approvals."""
