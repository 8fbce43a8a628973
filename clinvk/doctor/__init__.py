"""clinvk doctor: what of this machine, its CLIs and its configuration would trouble a server. Changes nothing."""
