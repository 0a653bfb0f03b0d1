"""Bulk data: long work on many resources, done as jobs whose outcome a client fetches."""
