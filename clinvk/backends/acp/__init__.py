"""The Agent Client Protocol, spoken from the client's side: JSON-RPC 2.0 in lines, any agent behind it."""
