"""What the mpmath namespace is made of beside its plain functions: one module for each subject.

A module is an attribute of the namespace (`xp.linalg`), and its functions take the namespace first.
"""
