"""Backends: adapters that turn a RunSpec into a command and bytes into events; they never touch a process."""
