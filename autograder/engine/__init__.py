"""Runs students' code in a sandbox and takes nothing from it but answers."""
