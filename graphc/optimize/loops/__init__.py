"""Scans relieved of what need not be done in every step."""
