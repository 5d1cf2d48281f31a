"""Provenance: one record per job, the table of all records, the tree behind a file, the RO-Crate."""
