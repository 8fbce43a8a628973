"""What outlives a request: sessions and runs in a database, and the spool of what runs said."""
