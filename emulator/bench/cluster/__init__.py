"""Cells on a Dask cluster: its workers get the files that they lack from the client, by hash."""
